/** An empty object with SQLite: each history builds the real account over the storage of one. */
import { DurableObject } from "cloudflare:workers";

export class Storage extends DurableObject {}

export default {
  fetch: () => new Response(null, { status: 404 }),
} satisfies ExportedHandler;
