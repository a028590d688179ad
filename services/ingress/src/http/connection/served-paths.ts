import type { NestFastifyApplication } from "@nestjs/platform-fastify";

interface ServedPath {
  readonly segments: readonly string[];
  readonly methods: Set<string>;
}

/** The paths of the controllers with their methods, for the requests that reach none of them. */
export class ServedPaths {
  readonly #paths = new Map<string, ServedPath>();

  /** Learns the paths while Nest registers them, so it has to be called before the application starts. */
  static of(app: NestFastifyApplication): ServedPaths {
    const paths = new ServedPaths();
    app
      .getHttpAdapter()
      .getInstance()
      .addHook("onRoute", ({ method, url }) => {
        for (const each of [method].flat()) paths.add(each, url);
      });
    return paths;
  }

  /** Adds a path, in which `:name` matches one segment. */
  add(method: string, path: string): void {
    const served = this.#paths.get(path) ?? { segments: path.split("/"), methods: new Set() };
    this.#paths.set(path, served);
    // Every path answers OPTIONS.
    served.methods.add(method).add("OPTIONS");
  }

  /**
   * Returns the methods of the path that a request names, sorted; none if it does not exist. The target `*` of
   * OPTIONS names all of them.
   */
  methodsOf(target: string): readonly string[] {
    const all = [...this.#paths.values()];
    if (target === "*") return [...new Set(all.flatMap(({ methods }) => [...methods]))].toSorted();
    const segments = segmentsOf(target);
    const served = all.find((path) => matches(path.segments, segments));
    return [...(served?.methods ?? [])].toSorted();
  }
}

/** A proxy may send the whole address. */
const origin = /^https?:\/\/[^/?#]*/i;

function segmentsOf(target: string): readonly string[] {
  const [path = ""] = target.replace(origin, "").split(/[?#]/, 1);
  return path.split("/").map(decoded);
}

/** A segment that cannot be decoded matches no name and, as it is empty, no parameter. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) =>
      part.startsWith(":") ? segments[index] !== "" : part === segments[index],
    )
  );
}
