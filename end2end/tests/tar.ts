import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

const BLOCK = 512;

/** Makes the header of a file. */
function headerOf(name: string, length: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(length.toString(8).padStart(11, '0') + '\0', 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
  return header;
}

/** Makes a tar of the given files. */
export function tar(files: Record<string, Buffer | string>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    blocks.push(headerOf(name, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK));
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(blocks);
}

/** Lists the names in a tar; throws when it is none. */
export function tarNames(archive: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.toString('latin1', 257, 262) !== 'ustar') throw new Error(`no tar header at byte ${at}`);
    names.push(header.toString('latin1', 0, 100).replace(/\0.*$/, ''));
    const size = parseInt(header.toString('latin1', 124, 136), 8);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return names;
}

/** Makes what `docker save` writes for a one-layer image that holds the given text. */
export function imageTarball(name: string, text: string): Buffer {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    config: { Cmd: ['/hello'], Labels: { 'org.opencontainers.image.title': 'hello' } },
    history: [{ created: '2024-01-01T00:00:00Z', created_by: 'COPY hello.txt /' }],
  };
  return imageWith(name, config, text);
}

/** Makes what `docker save` writes for a one-layer image with the given configuration. */
export function imageWith(name: string, about: object, text = 'hello'): Buffer {
  const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  const layer = tar({ 'hello.txt': text });
  const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] };
  const config = Buffer.from(JSON.stringify({ ...about, rootfs }));
  const id = sha256(config);
  return tar({
    [`${id}.json`]: config,
    'layer/layer.tar': layer,
    'manifest.json': JSON.stringify([{ Config: `${id}.json`, RepoTags: [name], Layers: ['layer/layer.tar'] }]),
  });
}

/** Makes what `docker save` writes for several images, each with the given name. */
export function imagesTarball(names: string[]): Buffer {
  const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  const files: Record<string, Buffer | string> = {};
  const saved = names.map((name, i) => {
    const layer = tar({ 'hello.txt': name });
    const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] };
    files[`${i}.json`] = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs });
    files[`${i}/layer.tar`] = layer;
    return { Config: `${i}.json`, RepoTags: [name], Layers: [`${i}/layer.tar`] };
  });
  return tar({ ...files, 'manifest.json': JSON.stringify(saved) });
}

/** Writes what `docker save` writes for an image with one layer that does not compress; returns its length. */
export function writeLargeTarball(path: string, name: string, megabytes: number): number {
  const contentBytes = megabytes * 1024 * 1024;
  const file = openSync(path, 'w');
  const sha256 = createHash('sha256');
  const pad = (bytes: number) => Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
  // A layer is a tar of its own, and what is padded inside is part of it.
  const inner = headerOf('noise.bin', contentBytes);
  const layerBytes = inner.length + contentBytes + 2 * BLOCK;
  writeSync(file, headerOf('layer/layer.tar', layerBytes));
  const both = (bytes: Buffer) => {
    sha256.update(bytes);
    writeSync(file, bytes);
  };
  both(inner);
  for (let i = 0; i < megabytes; i++) both(randomBytes(1024 * 1024));
  both(Buffer.alloc(2 * BLOCK));
  writeSync(file, pad(layerBytes));
  const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256.digest('hex')}`] };
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs });
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer/layer.tar'] }];
  writeSync(file, tar({ 'config.json': config, 'manifest.json': JSON.stringify(manifest) }));
  const { size } = fstatSync(file);
  closeSync(file);
  return size;
}
