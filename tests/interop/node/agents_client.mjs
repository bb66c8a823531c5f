// A turn with `@openai/agents`, unchanged but for its URL, over its WebSocket.
//
//   node agents_client.mjs '{"url": …, "turn": …, "config": the session's, …}'
//
// The SDK is silent about an event that its schema refuses: it takes it for one that it does not
// know. So each event is shown to the SDK's own parser here too.

import { RealtimeAgent, RealtimeSession, tool as defineTool } from "@openai/agents/realtime";
import { z } from "zod";

import { judge } from "./agents_schema.mjs";
import { asked, Received, recording, report } from "./conversation.mjs";

const weather = defineTool({
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `foggy over ${city}`,
});

const agent = new RealtimeAgent({
  name: "Guide",
  instructions: "Be brief.",
  tools: asked.turn === "tool" ? [weather] : [],
});
const session = new RealtimeSession(agent, {
  transport: "websocket",
  model: "gpt-realtime",
  config: asked.config,
});
const received = new Received();
let audioBytes = 0;
session.on("transport_event", (event) => {
  const verdict = judge(event);
  if (verdict !== "known") report(verdict, event);
  received.add(event);
});
session.on("error", ({ error }) => report("error", error instanceof Error ? `${error}` : error));
session.on("audio", ({ data }) => (audioBytes += data.byteLength));
session.on("audio_interrupted", () => report("interrupted", true));
session.on("agent_tool_end", (_context, _agent, { name }, result) => {
  report("tool", { name, result });
});

const turns = { connected, text, spoken, tool, spoken_over, stopped };
await session.connect({ apiKey: "none", url: asked.url });
await turns[asked.turn]();
report("history", session.history);
report("audioBytes", audioBytes);
session.close();

function speak(path) {
  for (const chunk of recording(path)) {
    // A Buffer of Node shares its memory with others: what is sent is to be this chunk alone.
    session.sendAudio(new Uint8Array(chunk).buffer);
  }
}

/** Its settings and its tracing are taken. */
async function connected() {
  await received.event("session.updated", 2);
}

async function text() {
  session.sendMessage("good morning");
  await received.event("response.done");
}

async function spoken() {
  speak(asked.speech);
  await received.event("response.done");
  // The SDK asks for the item again when it has been transcribed.
  await received.event("conversation.item.retrieved");
}

async function tool() {
  session.sendMessage("the weather in london please");
  await received.event("response.done", 2);
}

/** The user speaks while the answer is heard. The SDK truncates it, and asks for what is left. */
async function spoken_over() {
  session.sendMessage("tell me a story");
  await received.event("response.output_audio.delta");
  speak(asked.speech);
  await received.event("conversation.item.truncated");
  await received.event("response.done", 2);
  await received.event("conversation.item.retrieved", 2);
}

/** The program itself interrupts: the SDK cancels the answer and truncates it. */
async function stopped() {
  session.sendMessage("tell me a story");
  await received.event("response.output_audio.delta");
  session.interrupt();
  await received.event("conversation.item.retrieved");
  await received.event("response.done");
}
