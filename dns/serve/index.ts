/** Answering for a zone. */
export { type ServeOptions, type Serving, serveZone } from './serve.ts'
