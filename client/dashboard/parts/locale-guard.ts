/**
 * Imported before uPlot, which asks for a number format in the browser's language as it loads: a browser that was started
 * in the POSIX locale, as in containers, names a language that is none (`en-US@posix`), and the page would stay empty.
 */
if (!isLanguage(navigator.language)) {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
