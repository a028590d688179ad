import { createHash } from "node:crypto";
import { join } from "node:path";
import { StackFault } from "../faults.ts";
import { run } from "../supervise/run.ts";

const MAJOR_MIN = 17;

export interface Java {
  readonly command: string;
  /** Differs between two builds of Java, as a class-data archive fits only the build that wrote it. */
  readonly build: string;
}

/** `JAVA_HOME` first, then PATH. */
export async function findJava(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Java> {
  const home = environment["JAVA_HOME"];
  const command = home ? join(home, "bin", "java") : "java";
  const { output } = await run(command, ["-version"], { environment, signal });
  const major = majorOf(output);
  if (major < MAJOR_MIN) {
    const found = major === 0 ? `no Java answers as "${command}"` : `"${command}" is Java ${major}`;
    throw new StackFault(
      "STACK_JAVA_MISSING",
      `Kafka and the schema registry need Java ${MAJOR_MIN} or later, but ${found}: install a JRE (for example openjdk-17-jre-headless), or set JAVA_HOME.`,
    );
  }
  return { command, build: createHash("sha256").update(output).digest("hex").slice(0, 12) };
}

/** From `openjdk version "17.0.15" …`; 0 when it is something else. */
export function majorOf(versionText: string): number {
  return Number(/version "(\d+)/.exec(versionText)?.[1] ?? 0);
}

/** Small and quick to start: one node for one developer, not a server. */
export function jvmArguments(temporaryDir: string): string[] {
  return [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+PerfDisableSharedMem",
    `-Djava.io.tmpdir=${temporaryDir}`,
    // A JVM that cannot use the archive starts without it: slower, not wrong.
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
  ];
}
