// The judge of events for `@openai/agents`: the parser inside it, which it does not export.
//
//   node agents_schema.mjs < EVENTS      one event of the server per line; one verdict for each

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const FILE = "node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs";
const events = await import(new URL(FILE, import.meta.url));

const schemas = events.realtimeServerEventSchema.options;
const TYPES = new Set(schemas.flatMap(({ shape }) => [...shape.type.values]));

/** "known" to the SDK, "unknown" by its type, or "refused" although it knows the type. */
export function judge(event) {
  if (!events.parseRealtimeEvent({ data: JSON.stringify(event) }).isGeneric) return "known";
  return TYPES.has(event.type) ? "refused" : "unknown";
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for await (const line of createInterface({ input: process.stdin })) {
    const event = JSON.parse(line);
    process.stdout.write(`${JSON.stringify({ [judge(event)]: event })}\n`);
  }
}
