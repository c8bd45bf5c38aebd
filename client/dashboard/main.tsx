/** @jsxImportSource preact */
/**
 * The dashboard: what a hub serves at `/`. Takes the token out of the address, connects by the browser SDK to the hub
 * that served the page, and draws. The map: models (pure, in model/) are fed by hub-link.ts and channel-session.ts,
 * views draw them.
 */
import { render } from 'preact';
import { App } from './app.tsx';
import { HubLink } from './hub-link.ts';
import { hubUrl, takeToken } from './session.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/channel.css';
import { applyTheme } from './theme.ts';

applyTheme();
const link = new HubLink(hubUrl(location));
const token = takeToken(window);
if (token !== null) link.open(token);
render(<App link={link} hasToken={token !== null} />, document.getElementById('app')!);
