/** Moves the time of the twin and the service on together; what becomes due on the way is done before it answers. */
export async function advanceTwin(origin: string, seconds: number): Promise<void> {
  const response = await fetch(`${origin}/__twin/api/advance`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({ seconds }),
  });
  if (!response.ok) throw new Error(`the clock did not advance: ${await response.text()}`);
}
