// A video that takes a while.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SECONDS = 120;

// A minute or two of a test card.
export async function clip() {
  const folder = await mkdtemp(join(tmpdir(), "sfumato-browser-clip-"));
  const path = join(folder, "clip.mp4");
  const card = `testsrc2=size=640x360:rate=25:duration=${SECONDS}`;
  const encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
  await promisify(execFile)("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", card, ...encoder, path]);
  const content = await readFile(path);
  await rm(folder, { recursive: true });
  return content;
}
