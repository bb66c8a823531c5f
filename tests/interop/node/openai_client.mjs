// A turn with the realtime client of `openai`, unchanged but for its URL.
//
//   node openai_client.mjs '{"url": …, "turn": …, "socket": "ws" or "websocket", …}'
//
// "ws" is the client for Node, "websocket" the one for browsers, on the WebSocket that is built
// into Node as into them. Both open nothing but wss.

import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

import { asked, Received, recording, report } from "./conversation.mjs";

const CLIENTS = { ws: OpenAIRealtimeWS, websocket: OpenAIRealtimeWebSocket };

const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const openai = new OpenAI({ baseURL: asked.url, apiKey: "none" });
const client = new CLIENTS[asked.socket]({ model: "gpt-realtime" }, openai);
const received = new Received();
client.on("event", (event) => received.add(event));
client.on("error", (error) => report("error", error.message));

const turns = { text, spoken, tool, interrupted };
await received.event("session.created");
await turns[asked.turn]();
client.close();

function configure(session) {
  client.send({ type: "session.update", session: { type: "realtime", ...session } });
}

function say(text) {
  const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
  client.send({ type: "conversation.item.create", item });
  client.send({ type: "response.create" });
}

function speak(path) {
  for (const chunk of recording(path)) {
    client.send({ type: "input_audio_buffer.append", audio: chunk.toString("base64") });
  }
}

async function text() {
  configure({ output_modalities: ["text"] });
  say("good morning");
  await received.event("response.done");
}

async function spoken() {
  configure({ audio: { input: { transcription: { model: "whisper-1" } } } });
  speak(asked.speech);
  await received.event("response.done");
  await received.event("conversation.item.input_audio_transcription.completed");
}

async function tool() {
  configure({ output_modalities: ["text"], tools: [WEATHER] });
  say("the weather in london please");
  const { response } = await received.event("response.done");
  const { call_id } = response.output.find(({ type }) => type === "function_call");
  const item = { type: "function_call_output", call_id, output: "foggy" };
  client.send({ type: "conversation.item.create", item });
  client.send({ type: "response.create" });
  await received.event("response.done", 2);
}

async function interrupted() {
  say("tell me a story");
  const { item_id } = await received.event("response.output_audio.delta");
  speak(asked.speech);
  await received.event("input_audio_buffer.speech_started");
  client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 100 });
  await received.event("conversation.item.truncated");
  await received.event("response.done", 2);
}
