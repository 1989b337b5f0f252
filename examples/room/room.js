// What both pages need: elements by name, and one round of offer and answer.

export const element = (name) => document.getElementById(name);

// Send the connection's offer with all of its candidates, and take the server's answer; returns what else it said.
export async function connect(connection, address, words = {}) {
  await connection.setLocalDescription(await connection.createOffer());
  await new Promise((done) => {
    const look = () => connection.iceGatheringState === "complete" && done();
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sdp: connection.localDescription.sdp, ...words }),
  });
  if (!response.ok) throw new Error(await response.text());
  const { type, sdp, ...rest } = await response.json();
  await connection.setRemoteDescription({ type, sdp });
  return rest;
}

// Ask the server again and again; a server that is away is no reason to stop.
export async function poll(address, seconds, use) {
  for (;;) {
    try {
      await use(await (await fetch(address, { cache: "no-store" })).json());
    } catch (error) {
      console.warn(error.message);
    }
    await new Promise((done) => setTimeout(done, 1000 * seconds));
  }
}
