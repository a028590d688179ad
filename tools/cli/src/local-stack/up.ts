import {
  ADMIN,
  connectedEnvironment,
  createLedgerTables,
  LocalStack,
  pipelinePorts,
  prepareConfiguration,
  readStatus,
  secondsSince,
  serviceNames,
  serviceProgram,
  SIMULATOR,
  simulatorProgram,
  StackFault,
  withCostsToken,
} from "@sluice/local-stack";
import { type DetachedOptions, upDetached } from "./up-detached.ts";
import { demoOnFirstStart } from "../demo/first-start.ts";
import { listenForInterrupts, orInterrupted, untilInterrupted } from "./interrupts.ts";
import { printToStderr, labelledLine, print, printJson, type WriteText } from "../output.ts";
import { readyText } from "./ready-text.ts";
import { WAITING_SHOWN_AFTER_MS, waitingForCalls } from "./waiting-for-calls.ts";

/** The exit code that shells use for an interrupted command. */
const EXIT_INTERRUPTED = 130;

export interface UpCommandOptions extends DetachedOptions {
  readonly detach: boolean;
}

interface UpOptions extends DetachedOptions {
  /** Whether the stack stops when npm or the wrapper that started this process ends. */
  readonly watchStarters: boolean;
}

/** Runs `sluice up`: starts the stack and stops it on Ctrl-C. With `--detach`, returns when the stack is ready. */
export async function up({ detach, ...options }: UpCommandOptions): Promise<number> {
  if (detach) return upDetached(options);
  return upInForeground({ ...options, watchStarters: process.env["SLUICE_DETACHED"] !== "1" });
}

async function upInForeground(options: UpOptions): Promise<number> {
  const startMs = Date.now();
  const interrupted = listenForInterrupts(options.watchStarters);
  const write = options.json ? printToStderr : print;
  write(`Starting Sluice in ${options.dataDir}\n\n`);
  const stack = await LocalStack.open({
    dataDir: options.dataDir,
    freePorts: options.freePorts,
    accounts: options.accounts,
    environment: process.env,
    report: (name, text) => write(labelledLine(name, text)),
  });
  let exitCode = 0;
  try {
    await start(stack, options, interrupted);
    const status = await readStatus(options.dataDir);
    if (options.json) printJson(status);
    write(readyText(status, `Ready after ${secondsSince(startMs)}.`));
    if (options.demo) await demoOnFirstStart(options.dataDir, write, interrupted);
    write(options.watchStarters ? "\nCtrl-C stops everything.\n" : "");
    await untilInterrupted(interrupted);
  } catch (error) {
    if (!(error instanceof StackFault) || error.code !== "STACK_INTERRUPTED") throw error;
    exitCode = EXIT_INTERRUPTED;
  } finally {
    await stopAll(stack, write);
  }
  return exitCode;
}

async function start(
  stack: LocalStack,
  options: UpOptions,
  interrupted: AbortSignal,
): Promise<void> {
  // Programs that a killed launcher left behind run an older build, and occupy the ports.
  await stack.stopOrphans([...serviceNames, SIMULATOR]);
  if (options.partsOnly) {
    await stack.startParts(interrupted);
    return stack.markComplete(null);
  }
  // Checks the ports and the configuration before anything is started, because the user must correct them.
  await stack.assertPortsFree(pipelinePorts);
  const configuration = prepareConfiguration(stack.dataDir, stack.environment);
  const { tenantsWithTopics: tenants } = configuration;
  stack.declareTenants(tenants.map(({ tenant }) => tenant));
  // Loads the Kafka client and its dependencies while the parts start.
  const [addresses, { localRules, provisionTopics }] = await Promise.all([
    stack.startParts(interrupted),
    import("../provision-topics.ts"),
  ]);
  const { dataDir, ports, accounts } = stack;
  const environment = withCostsToken(stack.environment, dataDir, accounts);
  const pipeline = { dataDir, environment, ports, addresses, configuration, accounts };
  const asAdmin = connectedEnvironment(environment, addresses, accounts, ADMIN);
  // On the user's own Kafka, "sluice provision --acls" grants the rights.
  const access = accounts.kafka ? localRules(configuration, environment) : [];
  await Promise.all([
    stack.startPrograms([simulatorProgram(pipeline)], interrupted),
    orInterrupted(provisionTopics(asAdmin, stack.report, { tenants, access }), interrupted),
    createLedgerTables(pipeline, interrupted),
  ]);
  const services = serviceNames.map((name) => serviceProgram(name, pipeline));
  await stack.startPrograms(services, interrupted);
  stack.markComplete(configuration.demoKey);
}

async function stopAll(stack: LocalStack, write: WriteText): Promise<void> {
  const startMs = Date.now();
  if (!stack.isRunning) return stack.stop();
  write("\nStopping ...");
  const reason = setTimeout(() => write(` ${waitingForCalls} ...`), WAITING_SHOWN_AFTER_MS);
  await stack.stop();
  clearTimeout(reason);
  write(` stopped after ${secondsSince(startMs)}.\n`);
}
