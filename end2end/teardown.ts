import { readFileSync, rmSync } from 'node:fs';

/** Removes the server's folder; a panic of the server, which a page may have hidden, fails the run. */
export default function teardown() {
  const folder = process.env.DOCKYARD_TEST_FOLDER!;
  const log = readFileSync(`${folder}/log`, 'utf8');
  rmSync(folder, { recursive: true, force: true });
  const panic = log.split('\n').find((line) => line.includes('panicked at'));
  if (panic) throw new Error(`the server panicked: ${panic}`);
}
