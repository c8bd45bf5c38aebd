/**
 * The commands of `ringcast` with their arguments and options, and what becomes of what they return or throw.
 * A command's own file is loaded when it is run: help is quick, and `pub` needs no database.
 */
import { createRequire } from 'node:module';
import { Argument, Command, CommanderError, Option } from 'commander';
import { ACK_LEVELS, DROP_POLICIES } from '../../shared/terms.ts';
import { EXIT, type ExitCode, reportFailure } from './failure.ts';
import {
  parseChannel,
  parseCursorText,
  parseDuration,
  parseHubUrl,
  parseNameToken,
  parsePattern,
  parsePatterns,
  parsePort,
  parsePositive,
  parseSince,
  parseStart,
} from './option-values.ts';

/** Runs the command line and ends the process with its exit code. */
export async function run(argv: readonly string[]): Promise<never> {
  // Whoever reads our output may have had enough (`ringcast sub … | head`): that is no failure.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === 'EPIPE' ? EXIT.ok : EXIT.failure),
  );
  process.on('unhandledRejection', (error) => process.exit(reportFailure(error)));
  const exitCode = await runProgram(argv);
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(exitCode);
}

async function runProgram(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error);
  }
}

/** @param done is told the exit code of the command that ran. */
export function createProgram(done: (exitCode: ExitCode) => void): Command {
  const program = new Command('ringcast')
    .description('A WebSocket pub/sub hub that never loses a record silently.')
    .version(packageVersion(), '-V, --version')
    .exitOverride();
  addServe(program, done);
  addToken(program, done);
  addPub(program, done);
  addSub(program, done);
  addFeed(program, done);
  addInspect(program, done);
  program.addHelpText(
    'after',
    '\nWhere the hub is: --url and --token, else RINGCAST_URL and RINGCAST_TOKEN, else the hub of .ringcast here or above.\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection, 4 refused.',
  );
  return program;
}

/** A package finds itself by its name, from its sources as from its build. */
function packageVersion(): string {
  return (createRequire(import.meta.url)('ringcast/package.json') as { version: string }).version;
}

type Done = (exitCode: ExitCode) => void;

function addServe(program: Command, done: Done): void {
  program
    .command('serve')
    .description('run a hub until it is stopped (Ctrl-C)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for any free one (default: 7400)', parsePort)
    .option('--data <folder>', 'where records are kept (default: ./.ringcast)')
    .option('--config <file>', 'YAML or JSON file with settings; the options above rule over it')
    .option('--memory', 'keep records in memory only')
    .action(async (options) => done(await (await import('./serve.ts')).serve(options)));
}

function addToken(program: Command, done: Done): void {
  program
    .command('token')
    .description('make a token')
    .option('--subscribe <pattern>', 'channels it may read; may be repeated', parsePatterns)
    .option('--publish <pattern>', 'channels it may publish to; may be repeated', parsePatterns)
    .option('--admin', 'it may inspect the hub and read its $-channels')
    .option('--subject <name>', 'whom it is for')
    .addOption(
      new Option('--ttl <duration>', 'how long it is valid, such as 15m or 7d')
        .argParser(parseDuration)
        .default(3_600_000, '1h'),
    )
    .option('--config <file>', "the hub's configuration, which names the secret to sign with")
    .option('--data <folder>', 'data folder of a hub in development mode (default: .ringcast here or above)')
    .action(async (options) => done(await (await import('./token.ts')).token(options)));
}

function addPub(program: Command, done: Done): void {
  withHubOptions(program.command('pub'))
    .description('publish a record and print its cursor, or a record for each line of standard input')
    .addArgument(new Argument('<channel>', 'such as market.us.AAPL').argParser(parseChannel))
    .argument('[data]', 'JSON where it is JSON, else text')
    .option('--stdin', 'publish each line of standard input: JSON where it is JSON, else text')
    .option('--key <key>', 'key of the record, or of all of them')
    .addOption(
      new Option('--ack <level>', 'wait until it is taken (memory), synced to disk, or not at all')
        .choices(ACK_LEVELS)
        .default('memory'),
    )
    .option(
      '--expect <cursor>',
      "publish only if the channel's newest record is at this cursor",
      parseCursorText,
    )
    .action(async (channel, data, options) =>
      done(await (await import('./pub.ts')).pub(channel, data, options)),
    );
}

function addSub(program: Command, done: Done): void {
  withHubOptions(program.command('sub'))
    .description('print the records of a channel as they come')
    .addArgument(new Argument('<channel>', 'such as market.us.AAPL').argParser(parseChannel))
    .addOption(
      new Option('--from <where>', 'earliest, latest or a cursor (default: latest)')
        .argParser(parseStart)
        .conflicts(['last', 'since', 'state']),
    )
    .addOption(new Option('--state', 'begin with the newest record of each key').conflicts(['last', 'since']))
    .addOption(
      new Option('--last <n>', 'begin with the newest n records').argParser(parsePositive).conflicts('since'),
    )
    .addOption(
      new Option('--since <when>', 'begin with the records since then: 5m, 2h, 2026-01-31T12:00Z').argParser(
        (text) => parseSince(text),
      ),
    )
    .addOption(
      new Option('--policy <policy>', 'what the hub does when this lags (default: replay)').choices(
        DROP_POLICIES,
      ),
    )
    .option('--max-lag-records <n>', 'lag limit of drop-oldest and disconnect', parsePositive)
    .option('--durable', "only records that are on the hub's disk")
    .option('--count <n>', 'end after n records', parsePositive)
    .option('--json', 'a line of JSON for each record and gap')
    .action(async (channel, options) => done(await (await import('./sub.ts')).sub(channel, options)));
}

function addFeed(program: Command, done: Done): void {
  withHubOptions(program.command('feed'))
    .description("publish this machine's figures to host.<name>.cpu, memory, load, network and disk")
    .option('--interval <ms>', 'time between readings', parsePositive, 250)
    .option('--name <name>', "the name in the channels (default: this machine's)", parseNameToken)
    .action(async (options) => done(await (await import('./feed.ts')).feed(options)));
}

function addInspect(program: Command, done: Done): void {
  withHubOptions(program.command('inspect'))
    .description('show what a hub holds; reads the data folder when no hub runs')
    .addArgument(new Argument('[pattern]', "only channels such as 'market.>'").argParser(parsePattern))
    .option('--json', 'as JSON')
    .action(async (pattern, options) => done(await (await import('./inspect.ts')).inspect(pattern, options)));
}

function withHubOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the hub, such as ws://127.0.0.1:7400', parseHubUrl)
    .option('--token <token>', 'token to connect with')
    .option('--data <folder>', 'data folder of a hub in development mode');
}
