/** Behind a module of its own, so that ajv (CommonJS, with names a bundler cannot see) can be loaded on demand. */
export { Ajv2020 } from 'ajv/dist/2020.js';
