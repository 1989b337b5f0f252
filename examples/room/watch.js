import { connect, element, poll } from "/room/room.js";

const RECORDED = { mimeType: "video/webm;codecs=vp8", videoBitsPerSecond: 4_000_000 };

const address = new URL(location.href);
let connection = null;
let seen = 0; // number of the performance that is shown
let recorder = null;

// The member's number or name is the address's, or else given by the room; it stays for the next time.
function member() {
  return address.searchParams.get("member");
}

async function join(number) {
  leave();
  seen = number;
  connection = new RTCPeerConnection();
  connection.addTransceiver("video", { direction: "recvonly" });
  connection.addTransceiver("audio", { direction: "recvonly" });
  connection.addEventListener("track", ({ track }) => {
    const shown = element("show");
    shown.srcObject ??= new MediaStream();
    shown.srcObject.addTrack(track);
  });
  const mine = connection;
  connection.addEventListener("connectionstatechange", () => {
    if (mine === connection && ["failed", "disconnected"].includes(mine.connectionState)) leave("Connecting again …");
  });
  try {
    const who = await connect(connection, "/watch", { member: member() });
    element("who").textContent = `session ${who.session} · member ${who.member}`;
    address.searchParams.set("member", who.member);
    history.replaceState(null, "", address);
  } catch (error) {
    leave(error.message);
  }
}

function leave(words = "The show has not begun.") {
  if (recorder?.state === "recording") recorder.stop();
  connection?.close();
  connection = null;
  seen = 0;
  element("show").srcObject = null;
  show(false, words);
}

function show(live, words = "") {
  element("veil").hidden = live;
  element("message").textContent = words;
  element("state").textContent = live ? "live" : "waiting";
  element("state").classList.toggle("live", live);
  element("sound").disabled = element("record").disabled = !live;
}

// What any viewer could do with a screen recorder: keep what is shown, to see whose copy it is.
function record() {
  if (recorder?.state === "recording") return recorder.stop();
  const parts = [];
  recorder = new MediaRecorder(new MediaStream(element("show").srcObject.getVideoTracks()), RECORDED);
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  recorder.addEventListener("stop", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "video/webm" }));
    link.download = "leaked.webm";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    element("record").textContent = "Record a leak";
    element("note").textContent = "Saved: tracemark decode leaked.webm --key room.key";
  });
  recorder.start(1000);
  element("record").textContent = "Stop and save";
  element("note").textContent = "Recording; ten seconds are enough.";
}

element("record").addEventListener("click", record);
element("sound").addEventListener("click", () => {
  const shown = element("show");
  shown.muted = !shown.muted;
  element("sound").textContent = shown.muted ? "Sound on" : "Sound off";
});
element("show").addEventListener("playing", () => show(true));
addEventListener("pagehide", () => connection?.close());
poll("/stage", 1, ({ live, number }) => {
  if (!live && seen) leave();
  if (live && number !== seen) return join(number);
});
