"""What is needed of the protocol of LocalAI's backends: names, types and numbers on the wire.

The service is `backend.Backend` of the project's `backend/backend.proto`, as of August 2026. Fields
that are not here are skipped where they come, which is what protocol buffers mean to happen.
"""

from typing import NamedTuple

PACKAGE = "backend"


class Method(NamedTuple):
    """A method of the service, by the names of its messages."""

    request: str
    reply: str
    streams: bool = False


METHODS: dict[str, Method] = {
    "Health": Method("HealthMessage", "Reply"),
    "LoadModel": Method("ModelOptions", "Result"),
    "PredictStream": Method("PredictOptions", "Reply", streams=True),
    "AudioTranscription": Method("TranscriptRequest", "TranscriptResult"),
    "AudioTranscriptionStream": Method(
        "TranscriptRequest", "TranscriptStreamResponse", streams=True
    ),
    "TTS": Method("TTSRequest", "Result"),
    "TTSStream": Method("TTSRequest", "Reply", streams=True),
    "VAD": Method("VADRequest", "VADResponse"),
}

Field = tuple[str, int]
"""A type and a number. `repeated`, `optional` and `map` are as in the language of `.proto` files;
a map is one of strings."""

MESSAGES: dict[str, dict[str, Field]] = {
    "HealthMessage": {},
    "Result": {"message": ("string", 1), "success": ("bool", 2)},
    "ModelOptions": {
        "Model": ("string", 1),
        "ContextSize": ("int32", 2),
        "Seed": ("int32", 3),
        "NBatch": ("int32", 4),
        "F16Memory": ("bool", 5),
        "MLock": ("bool", 6),
        "MMap": ("bool", 7),
        "LowVRAM": ("bool", 9),
        "NUMA": ("bool", 11),
        "NGPULayers": ("int32", 12),
        "MainGPU": ("string", 13),
        "TensorSplit": ("string", 14),
        "Threads": ("int32", 15),
        "RopeFreqBase": ("float", 17),
        "RopeFreqScale": ("float", 18),
        "ModelFile": ("string", 21),
        "PipelineType": ("string", 26),
        "CUDA": ("bool", 28),
        "Tokenizer": ("string", 34),
        "LoraBase": ("string", 35),
        "LoraAdapter": ("string", 36),
        "AudioPath": ("string", 38),
        "DraftModel": ("string", 39),
        "Quantization": ("string", 40),
        "MMProj": ("string", 41),
        "LoraScale": ("float", 42),
        "RopeScaling": ("string", 43),
        "Type": ("string", 49),
        "GPUMemoryUtilization": ("float", 50),
        "TrustRemoteCode": ("bool", 51),
        "EnforceEager": ("bool", 52),
        "SwapSpace": ("int32", 53),
        "MaxModelLen": ("int32", 54),
        "TensorParallelSize": ("int32", 55),
        "FlashAttention": ("string", 56),
        "NoKVOffload": ("bool", 57),
        "LoadFormat": ("string", 58),
        "ModelPath": ("string", 59),
        "LoraAdapters": ("repeated string", 60),
        "LoraScales": ("repeated float", 61),
        "Options": ("repeated string", 62),
        "CacheTypeKey": ("string", 63),
        "CacheTypeValue": ("string", 64),
        "DType": ("string", 67),
        "LimitImagePerPrompt": ("int32", 68),
        "Overrides": ("repeated string", 72),
        "EngineArgs": ("string", 73),
    },
    "PredictOptions": {
        "Prompt": ("string", 1),
        "Seed": ("int32", 2),
        "Threads": ("int32", 3),
        "Tokens": ("int32", 4),
        "TopK": ("int32", 5),
        "Repeat": ("int32", 6),
        "NKeep": ("int32", 8),
        "Temperature": ("float", 9),
        "Penalty": ("float", 10),
        "StopPrompts": ("repeated string", 13),
        "IgnoreEOS": ("bool", 14),
        "TailFreeSamplingZ": ("float", 15),
        "TypicalP": ("float", 16),
        "FrequencyPenalty": ("float", 17),
        "PresencePenalty": ("float", 18),
        "Mirostat": ("int32", 19),
        "MirostatETA": ("float", 20),
        "MirostatTAU": ("float", 21),
        "LogitBias": ("string", 23),
        "PromptCacheAll": ("bool", 27),
        "Grammar": ("string", 29),
        "TopP": ("float", 32),
        "NDraft": ("int32", 41),
        "Images": ("repeated string", 42),
        "UseTokenizerTemplate": ("bool", 43),
        "Messages": ("repeated Message", 44),
        "CorrelationId": ("string", 47),
        "Tools": ("string", 48),
        "ToolChoice": ("string", 49),
        "Metadata": ("map", 52),
        "MinP": ("float", 53),
    },
    "Message": {
        "role": ("string", 1),
        "content": ("string", 2),
        "name": ("string", 3),
        "tool_call_id": ("string", 4),
        "reasoning_content": ("string", 5),
        "tool_calls": ("string", 6),
    },
    "Reply": {
        "message": ("bytes", 1),
        "tokens": ("int32", 2),
        "prompt_tokens": ("int32", 3),
        "audio": ("bytes", 6),
        "chat_deltas": ("repeated ChatDelta", 8),
    },
    "ChatDelta": {
        "content": ("string", 1),
        "reasoning_content": ("string", 2),
        "tool_calls": ("repeated ToolCallDelta", 3),
    },
    "ToolCallDelta": {
        "index": ("int32", 1),
        "id": ("string", 2),
        "name": ("string", 3),
        "arguments": ("string", 4),
    },
    "TranscriptRequest": {
        "dst": ("string", 2),
        "language": ("string", 3),
        "threads": ("uint32", 4),
        "translate": ("bool", 5),
        "prompt": ("string", 7),
        "temperature": ("float", 8),
        "stream": ("bool", 10),
    },
    "TranscriptResult": {
        "segments": ("repeated TranscriptSegment", 1),
        "text": ("string", 2),
        "language": ("string", 3),
    },
    "TranscriptSegment": {
        "start": ("int64", 2),
        "end": ("int64", 3),
        "text": ("string", 4),
    },
    "TranscriptStreamResponse": {
        "delta": ("string", 1),
        "final_result": ("TranscriptResult", 2),
    },
    "TTSRequest": {
        "text": ("string", 1),
        "model": ("string", 2),
        "dst": ("string", 3),
        "voice": ("string", 4),
        "language": ("optional string", 5),
        "instructions": ("optional string", 6),
        "params": ("map", 7),
    },
    "VADRequest": {"audio": ("repeated float", 1)},
    "VADResponse": {"segments": ("repeated VADSegment", 1)},
    "VADSegment": {"start": ("float", 1), "end": ("float", 2)},
}
