/** Answers in which no tool had a part: JSON-RPC errors with an HTTP status and a fixed text. Pure. */

export function rpcError(
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code, message } }, { status, headers });
}

/** The same for a connection that never was, has ended, or is somebody else's. */
export function noSuchSession(): Response {
  return rpcError(404, -32_001, "Session not found");
}
