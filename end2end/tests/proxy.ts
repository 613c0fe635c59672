import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a browser and the server, counts what is sent, and cuts connections when it is told to. */
export class Proxy {
  /** Bytes that browsers sent. */
  sent = 0;
  /** After how many of them all connections are cut, once, and none is taken for a while. */
  cutAt = Infinity;
  private isGone = false;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async before(origin: string): Promise<Proxy> {
    const target = new URL(origin);
    const server = createServer();
    const proxy = new Proxy(server);
    server.on('connection', (browser) => proxy.join(browser, Number(target.port)));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close() {
    this.cut();
    this.server.close();
  }

  private join(browser: Socket, port: number) {
    if (this.isGone) {
      browser.destroy();
      return;
    }
    const server = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [browser, server],
      [server, browser],
    ]) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.end();
      });
      one.pipe(other);
    }
    browser.on('data', (bytes: Buffer) => {
      this.sent += bytes.length;
      if (this.sent >= this.cutAt) {
        this.cutAt = Infinity;
        this.cut();
        // A browser tries at once again what a connection broke off that it had used before, and says nothing.
        this.isGone = true;
        setTimeout(() => (this.isGone = false), 1000);
      }
    });
  }

  private cut() {
    for (const socket of [...this.sockets]) socket.destroy();
  }
}
