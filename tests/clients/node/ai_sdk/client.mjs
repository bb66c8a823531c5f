// The realtime model of Vercel's AI SDK, on a WebSocket of Node as its guide for scripts has it.
//
// The SDK itself reads and writes events; its session, which holds a turn, needs a browser's audio.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { createOpenAI } from "@ai-sdk/openai";
import { WebSocket } from "ws";

import {
  FORECAST,
  FORECAST_GIVEN,
  GREETED,
  GREETED_SAMPLES,
  GREETING,
  PAUSE,
  Received,
  run,
  SPEECH,
  STORY,
  WEATHER,
} from "../turns.mjs";

const HEARD_MS = 100;
const PACKAGE = new URL("node_modules/@ai-sdk/openai/package.json", import.meta.url);

const GET_WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

function provider(url) {
  return createOpenAI({ baseURL: url, apiKey: "none" }).experimental_realtime;
}

/** A connection whose errors are complaints, after its settings have been taken. */
class Conversation {
  received = new Received();

  static async begin(url, sighting, config) {
    const conversation = new Conversation(provider(url)("gpt-realtime"), sighting);
    await conversation.#connect();
    await conversation.send({ type: "session-update", config });
    await conversation.received.event("session-updated");
    return conversation;
  }

  constructor(model, sighting) {
    this.model = model;
    this.sighting = sighting;
  }

  async #connect() {
    const { url, headers } = await this.model.getServerWebSocketConfig();
    this.socket = new WebSocket(url, { headers });
    this.socket.on("message", (data) => this.#read(JSON.parse(data)));
    this.socket.on("error", (error) => this.sighting.complaints.push(`${error}`));
    await this.received.event("session-created");
  }

  #read(raw) {
    const event = this.model.parseServerEvent(raw);
    if (event.type === "custom") this.sighting.unknown.add(event.rawType);
    if (event.type === "error") this.sighting.complaints.push(event.message);
    this.received.add(event);
  }

  async send(event) {
    this.socket.send(JSON.stringify(await this.model.serializeClientEvent(event)));
  }

  async say(text) {
    const item = { type: "text-message", role: "user", text };
    await this.send({ type: "conversation-item-create", item });
    await this.send({ type: "response-create" });
  }

  async append(samples) {
    const audio = Buffer.from(samples.buffer).toString("base64");
    await this.send({ type: "input-audio-append", audio });
  }

  end() {
    this.socket.close();
  }
}

async function written(url, sighting) {
  const conversation = await Conversation.begin(url, sighting, { outputModalities: ["text"] });
  await conversation.say(GREETING);
  const { status, usage } = await conversation.received.event("response-done");
  assert.equal(status, "completed");
  assert.ok(usage.outputTextTokens > 0);
  assert.equal((await conversation.received.event("text-done")).text, GREETED);
  conversation.end();
}

async function spoken(url, sighting) {
  const config = { inputAudioTranscription: {}, turnDetection: { type: "semantic-vad" } };
  const conversation = await Conversation.begin(url, sighting, config);
  await conversation.append(SPEECH);
  await conversation.append(PAUSE);
  await conversation.received.event("response-done");
  const heard = await conversation.received.event("input-transcription-completed");
  assert.equal(heard.transcript, GREETING);
  const said = await conversation.received.event("audio-transcript-done");
  assert.equal(said.transcript, GREETED);
  const pieces = conversation.received.of("audio-delta").map(({ delta }) => delta);
  const bytes = pieces.reduce((sum, piece) => sum + Buffer.from(piece, "base64").length, 0);
  assert.equal(bytes / 2, GREETED_SAMPLES);
  conversation.end();
}

async function called(url, sighting) {
  const config = { outputModalities: ["text"], tools: [GET_WEATHER] };
  const conversation = await Conversation.begin(url, sighting, config);
  await conversation.say(FORECAST);
  const call = await conversation.received.event("function-call-arguments-done");
  assert.deepEqual([call.name, JSON.parse(call.arguments)], ["get_weather", { city: "London" }]);
  await conversation.received.event("response-done");
  const item = { type: "function-call-output", callId: call.callId, output: WEATHER };
  await conversation.send({ type: "conversation-item-create", item });
  await conversation.send({ type: "response-create" });
  await conversation.received.event("response-done", 2);
  assert.equal((await conversation.received.event("text-done")).text, FORECAST_GIVEN);
  conversation.end();
}

async function interrupted(url, sighting) {
  const conversation = await Conversation.begin(url, sighting, {});
  await conversation.say(STORY);
  const { itemId } = await conversation.received.event("audio-delta");
  await conversation.append(SPEECH);
  await conversation.received.event("speech-started");
  const { status } = await conversation.received.event("response-done");
  assert.equal(status, "cancelled");
  const truncation = { itemId, contentIndex: 0, audioEndMs: HEARD_MS };
  await conversation.send({ type: "conversation-item-truncate", ...truncation });
  await conversation.append(PAUSE);
  assert.equal((await conversation.received.event("response-done", 2)).status, "completed");
  conversation.end();
}

/** The secret for a browser, which is asked for over HTTP. */
async function secret(url) {
  const { token, expiresAt } = await provider(url).getToken({
    model: "gpt-realtime",
    sessionConfig: { instructions: "Be brief." },
    expiresAfterSeconds: 60,
  });
  assert.match(token, /^ek_/);
  assert.ok(expiresAt > 0);
}

const { version } = JSON.parse(readFileSync(PACKAGE));
const turns = { text: written, spoken, tool: called, "barge-in": interrupted, secret };
await run("@ai-sdk/openai (npm)", version, turns);
