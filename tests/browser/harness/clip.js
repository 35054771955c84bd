// Videos, made by ffmpeg.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SECONDS = 120;

const ENCODER = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];

// A minute or two of a test card, which takes a while.
export function clip() {
  return made(["-f", "lavfi", "-i", `testsrc2=size=640x360:rate=25:duration=${SECONDS}`]);
}

// Two seconds in which a face moves.
export function face(picture) {
  const pan = "scale=512:512,crop=480:480:x='t*12':y='t*6'";
  return made(["-loop", "1", "-framerate", "25", "-i", picture, "-t", "2", "-vf", pan]);
}

async function made(source) {
  const folder = await mkdtemp(join(tmpdir(), "sfumato-browser-clip-"));
  const path = join(folder, "clip.mp4");
  await promisify(execFile)("ffmpeg", ["-v", "error", ...source, ...ENCODER, path]);
  const content = await readFile(path);
  await rm(folder, { recursive: true });
  return content;
}
