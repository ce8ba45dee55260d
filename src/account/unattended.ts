/** Whether this service runs on somebody's own machine, whose sleep would also put the alarms to sleep. Pure. */
export function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}

/** The twin may sleep as long as it likes. */
export const isUnattended = (network: "aleph" | "twin", origin: string): boolean =>
  network === "aleph" && isLoopback(origin);
