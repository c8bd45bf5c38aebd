/** What every server process of a bench does beside serving: tells where it listens, and its CPU when asked. */

export function announce(url: string, token = ''): void {
  process.send!({ url, token });
  process.on('message', (question) => {
    if (question === 'usage') {
      const { user, system } = process.cpuUsage();
      process.send!({ cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage().rss });
    }
  });
  // The end of the bench, however it comes.
  process.on('disconnect', () => process.exit(0));
}
