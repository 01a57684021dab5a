// The libraries of this directory, for scripts that live in another one.
export { chromium } from 'playwright-core';
export * as jose from 'jose';
export * as oauth from 'openid-client';
export * as strict from 'oauth4webapi';
