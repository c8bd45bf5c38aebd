/** Light or dark: as the system says, or as was chosen here, which localStorage keeps. Called by main.tsx and the header. */
import { Changes } from './changes.ts';

export type Theme = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'ringcast.theme';
const ORDER: readonly Theme[] = ['system', 'light', 'dark'];
const systemDark = matchMedia('(prefers-color-scheme: dark)');

/** Charts draw with the theme's colours, so they have to know. */
export const themeChanges = new Changes();
let chosen: Theme = readChosen();

function readChosen(): Theme {
  try {
    const kept = localStorage.getItem(STORAGE_KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

export function theme(): Theme {
  return chosen;
}

/** What is shown. */
export function shownTheme(): 'light' | 'dark' {
  if (chosen !== 'system') return chosen;
  return systemDark.matches ? 'dark' : 'light';
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = shownTheme();
  themeChanges.changed();
}

export function nextTheme(): void {
  chosen = ORDER[(ORDER.indexOf(chosen) + 1) % ORDER.length]!;
  try {
    if (chosen === 'system') localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, chosen);
  } catch {}
  applyTheme();
}

systemDark.addEventListener('change', applyTheme);
