/** What the HTTP half of a core node sees of the node. Types only. */
import type { Json } from "./json.ts";
import type { Lie } from "./lies.ts";
import type { State } from "./state.ts";
import type { Answer } from "../wire.ts";

export type View = {
  readonly state: State;
  readonly nowMs: number;
  readonly lie: Lie | undefined;
  readonly version: string;
  /** Sends a message to this node and all others. True if a verdict will be heard. */
  readonly publish: (raw: Json) => boolean;
  /** The answer to a synchronous submission of the message `hash`. */
  readonly verdictOn: (hash: string, heard: boolean) => Answer;
};

/** What was asked: the variable parts of the path and the query. */
export type Asked = { readonly parts: readonly string[]; readonly query: URLSearchParams; readonly body: string };

export type Handler = (view: View, asked: Asked) => Answer;
