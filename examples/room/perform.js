import { connect, element, poll } from "/room/room.js";

const MOST_BITS = 4_000_000; // a second, of the camera's video on its way to the server
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

let connection = null;
let media = null;

async function start() {
  element("start").disabled = true;
  element("message").textContent = "Asking for the camera …";
  try {
    media = await camera();
    element("camera").srcObject = media;
    connection = new RTCPeerConnection();
    connection.addEventListener("connectionstatechange", changed);
    for (const track of media.getTracks()) connection.addTrack(track, media);
    await connect(connection, "/perform");
    const sender = connection.getSenders().find((each) => each.track.kind === "video");
    const settings = sender.getParameters();
    for (const encoding of settings.encodings) encoding.maxBitrate = MOST_BITS;
    await sender.setParameters(settings);
  } catch (error) {
    stop(`That did not work: ${error.message}`);
  }
}

// A performer without a microphone is seen all the same.
async function camera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: true });
  } catch (error) {
    if (error.name !== "NotFoundError") throw error;
    return navigator.mediaDevices.getUserMedia({ video: CAMERA });
  }
}

function stop(words = "Nobody sees you now.") {
  connection?.close();
  for (const track of media?.getTracks() ?? []) track.stop();
  connection = media = null;
  show(false, words);
}

function changed() {
  if (connection?.connectionState === "connected") show(true);
  if (["failed", "disconnected"].includes(connection?.connectionState)) stop("The connection was lost.");
}

function show(live, words = "") {
  element("veil").hidden = live;
  element("message").textContent = words;
  element("start").disabled = live;
  element("stop").disabled = !live;
  element("state").textContent = live ? "live" : "off";
  element("state").classList.toggle("live", live);
}

function list({ session, watching }) {
  element("who").textContent = `session ${session}`;
  element("count").textContent = watching.length;
  element("nobody").hidden = watching.length > 0;
  element("list").hidden = watching.length === 0;
  const rows = watching.map((viewer) => {
    const row = document.createElement("tr");
    const minutes = `${Math.floor(viewer.seconds / 60)}:${String(viewer.seconds % 60).padStart(2, "0")}`;
    for (const words of [viewer.member, viewer.frames, minutes]) row.insertCell().textContent = words;
    return row;
  });
  element("list").tBodies[0].replaceChildren(...rows);
}

element("start").addEventListener("click", start);
element("stop").addEventListener("click", () => stop());
addEventListener("pagehide", () => connection?.close());
poll("/watching", 1, list);
