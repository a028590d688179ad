import { createHash } from "node:crypto";
import { join } from "node:path";
import { StackFault } from "../faults.ts";
import { run } from "../supervise/run.ts";

const MAJOR_MIN = 17;

export interface Java {
  readonly command: string;
  /** Identifies the build of Java. A class-data archive only fits the build that wrote it. */
  readonly build: string;
}

/**
 * Finds Java in `JAVA_HOME`, else on PATH.
 *
 * @throws StackFault `STACK_JAVA_MISSING` if there is none, or if it is older than Java 17.
 */
export async function findJava(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Java> {
  const home = environment["JAVA_HOME"];
  const command = home ? join(home, "bin", "java") : "java";
  const { output } = await run(command, ["-version"], { environment, signal });
  const major = majorOf(output);
  if (major < MAJOR_MIN) {
    const found =
      major === 0
        ? `the command "${command}" is missing or is not Java`
        : `"${command}" is Java ${major}`;
    throw new StackFault(
      "STACK_JAVA_MISSING",
      `Kafka and the schema registry need Java ${MAJOR_MIN} or later, but ${found}. Install a JRE (for example openjdk-17-jre-headless), or set JAVA_HOME.`,
    );
  }
  return { command, build: createHash("sha256").update(output).digest("hex").slice(0, 12) };
}

/** Returns the major version in text such as `openjdk version "17.0.15" …`, or 0 for any other text. */
export function majorOf(versionText: string): number {
  return Number(/version "(\d+)/.exec(versionText)?.[1] ?? 0);
}

/** Returns JVM arguments for a small heap and a quick start, because one node serves one developer. */
export function jvmArguments(temporaryDir: string): string[] {
  return [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+PerfDisableSharedMem",
    `-Djava.io.tmpdir=${temporaryDir}`,
    // A JVM that cannot use the archive starts without it, only more slowly; its warning would not help the user.
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
  ];
}
