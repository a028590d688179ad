/**
 * Encodes a body as the admin server does, with a newline at its end. Bytes, because Fastify adds
 * a charset to the content type of text, and the whole admin port answers without one.
 */
export function jsonBody(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
