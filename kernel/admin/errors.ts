/**
 * The error class for what must start fast: the command line and the admin client. Taken from the file inside the SDK, because the index
 * of the SDK also loads schema builder and decorators, which takes longer than most commands. Errors are recognised by brand, so it is one class.
 */
export { codeOf, isSluiceError, messageOf, SluiceError } from '@sluice/sdk/dist/error.js';
