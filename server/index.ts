/** What `import … from 'ringcast'` gives: a hub inside another program. */

export { RingcastError } from '../shared/errors.ts';
export { allGrants, type Grants } from './auth/grants.ts';
export { signToken, type TokenRequest } from './auth/sign-token.ts';
export { ConfigError, type HubConfig, type HubConfigInput, loadConfig, parseConfig } from './config.ts';
export { createHub, type Hub, type HubOptions } from './create-hub.ts';
