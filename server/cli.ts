#!/usr/bin/env node
/**
 * The entry of `ringcast`: makes sure that this Node can run it, then hands over to the commands.
 * Written so that much older versions of Node can read it and say so.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `ringcast: Node ${process.versions.node} is too old: install Node 22, or 20.19 or newer (https://nodejs.org)\n`,
  );
  process.exitCode = 1;
} else {
  const { run } = await import('./cli/program.ts');
  await run(process.argv);
}

export {};
