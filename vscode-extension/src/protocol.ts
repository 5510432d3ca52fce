// Generated from protocol/ by its tests; do not edit.

/**
 * A command that an editor can offer to run.
 */
export type Action = { "command": "prep" } | { "command": "up" } | { "command": "select-space" } | { "command": "doctor" } | { "command": "install-debugger",
/**
 * `dotnet`, `python`.
 */
runtime: string, };

/**
 * Arguments of the DAP requests `attach` and `launch` for type `azds`. All can be left out where
 * they can be found out; what is not ours goes to the debugger as it is.
 */
export type AttachArguments = {
/**
 * Folder where azds.yaml stands.
 */
folder: string | null,
/**
 * Configuration of azds.yaml, for `launch`.
 */
configuration: string | null,
/**
 * Space, instead of the chosen one.
 */
space: string | null,
/**
 * `auto`, `dotnet`, `go`, `java`, `node`, `python`.
 */
runtime: string | null,
/**
 * Pod, where the service has several.
 */
pod: string | null,
/**
 * From folders in the container to folders here.
 */
sourceFileMap: { [key in string]: string },
/**
 * Stop as soon as possible.
 */
stopOnEntry: boolean,
/**
 * Step over what is not the user's code; the debugger's default where not given.
 */
justMyCode: boolean | null,
/**
 * js-debug's DAP server on this machine, for Node.
 */
jsDebug: string | null, };

/**
 * Who can do something about a [`Failure`].
 */
export type Audience = "user" | "us";

/**
 * What was done about a change.
 */
export type Change = {
/**
 * What was done.
 */
tier: Tier,
/**
 * The file that asked for it; relative to the root of the build context if it lies in it.
 */
file: string,
/**
 * How many other files changed with it.
 */
others: number,
/**
 * The rule by which it asked for it.
 */
rule: string,
/**
 * How long it took, in milliseconds, from the moment when the change was seen.
 */
ms: number, };

/**
 * One thing that `doctor` looked at: one of `found`, `failure` and `unknown`.
 */
export type Check = {
/**
 * What was looked at: `helm`, `API server`, `builder on node1`.
 */
name: string,
/**
 * What was found, where it is as it should be.
 */
found?: string | null,
/**
 * What is wrong, where something is.
 */
failure?: Failure | null,
/**
 * Why nobody could look, where that is so.
 */
unknown?: string | null, };

/**
 * What was in a build context and what of it was sent.
 */
export type ContextCount = {
/**
 * Files of the context, the Dockerfile included.
 */
files: number,
/**
 * Their length in bytes.
 */
bytes: number,
/**
 * Files that the builder lacked, as the builder counted them.
 */
sentFiles: number,
/**
 * Their length in bytes.
 */
sentBytes: number, };

/**
 * Result of `debugTarget`: what a debug session would attach to.
 */
export type DebugTargetResult = {
/**
 * The pod.
 */
pod: string,
/**
 * Folder on this machine that its image was built from.
 */
sources: string,
/**
 * What runs in the container.
 */
processes: Array<ProcessInfo>,
/**
 * What is debugged: `dotnet`, `go`, `java`, `node`, `python`.
 */
runtime?: string | null,
/**
 * Where VS Code has a debugger of its own for the runtime (Node, Java): the configuration to start
 * it with. Its port is open, and leads to the service as long as a debugger is connected; it is
 * closed when none has come after a minute.
 */
configuration?: Record<string, unknown>, };

/**
 * Result of `detach`.
 */
export type DetachResult = {
/**
 * Whether the service was kept up to date by this server until now.
 */
detached: boolean, };

/**
 * Result of `use-dev-spaces` and `remove-dev-spaces`.
 */
export type DevSpacesResult = {
/**
 * Helm release in namespace `azds`.
 */
release: string,
/**
 * The space, where one was named or chosen.
 */
space: string | null,
/**
 * Whether something was changed.
 */
changed: boolean, };

/**
 * Result of `doctor`: one check after the other, those that others need first.
 */
export type DoctorResult = {
/**
 * What was looked at.
 */
checks: Array<Check>, };

/**
 * Result of `down`.
 */
export type DownResult = {
/**
 * Name of the service.
 */
service: string,
/**
 * Its space.
 */
space: string,
/**
 * Its Helm release.
 */
release: string,
/**
 * Whether there was something to remove.
 */
removed: boolean, };

/**
 * What did not happen, to which object, why, and what to try.
 *
 * The one error type of azds. It is shown as *"WHAT: OBJECT WHY. TRY."* and written as
 * `{what, object, why, try}` where a program reads it. None of its texts may hold a secret.
 */
export type Failure = {
/**
 * What did not happen, as a sentence without its full stop: "producer did not start".
 */
what: string,
/**
 * To which object: a path, a pod, a release, an address.
 */
object: string,
/**
 * Why, in the words of whoever said so where there are any.
 */
why: string,
/**
 * What to try, as a sentence of its own. Empty where nothing sensible is known.
 */
try?: string,
/**
 * Who can do something about it.
 */
audience?: Audience,
/**
 * The command that does what [`Failure::remedy`] says, where one does: an editor's button.
 */
action?: Action | null, };

/**
 * A place in a source of the developer's that a build complains of.
 */
export type Mistake = {
/**
 * The file on this machine.
 */
file: string,
/**
 * The line, from one.
 */
line: number,
/**
 * The column, from one, as the compiler counts.
 */
column?: number | null,
/**
 * The compiler's code: `CS1002`.
 */
code?: string | null,
/**
 * What is wrong, in the compiler's words.
 */
message: string, };

/**
 * Where a build that failed says that sources are wrong.
 */
export type Mistakes = {
/**
 * The places, in the order of the build's output.
 */
mistakes: Array<Mistake>, };

/**
 * A pod of a service.
 */
export type PodRow = {
/**
 * Its name.
 */
name: string,
/**
 * `Running`, or what it waits for.
 */
status: string, };

/**
 * A local port and the port of the service that it leads to.
 */
export type PortMapping = {
/**
 * Port on the developer's machine.
 */
local: number,
/**
 * Port of the Kubernetes Service, or of the pod where no Service has it.
 */
remote: number, };

/**
 * Arguments of `prep`.
 */
export type PrepArguments = {
/**
 * Folder of the service.
 */
folder: string,
/**
 * Whether the service gets an Ingress.
 */
public: boolean,
/**
 * An existing chart to use, relative to the folder.
 */
chart: string | null,
/**
 * The language, where it is not to be found out: `dotnet`, `python`.
 */
language: string | null,
/**
 * Say what would be written, and write nothing.
 */
dryRun: boolean,
/**
 * Write an azds.yaml of version 1.0 anew as one of 1.1, keep what it was, and do nothing else.
 */
upgrade: boolean, };

/**
 * Result of `prep`. Paths are relative to the folder, with `/`.
 */
export type PrepResult = {
/**
 * Folder of the service.
 */
folder: string,
/**
 * Name of the service, which is its chart's.
 */
service: string,
/**
 * Language that was found or given.
 */
language: string | null,
/**
 * Files that were written, or would be.
 */
written: Array<string>,
/**
 * Files that were there already and stay as they are.
 */
kept: Array<string>,
/**
 * What a person should know.
 */
warnings: Array<string>, };

/**
 * A process of the container, as /proc has it.
 */
export type ProcessInfo = {
/**
 * Process id in the container.
 */
pid: number,
/**
 * Parent's process id.
 */
ppid: number,
/**
 * Program and arguments.
 */
command: Array<string>,
/**
 * Where `/proc/PID/exe` leads.
 */
exe: string,
/**
 * Where `/proc/PID/cwd` leads.
 */
workingDir: string,
/**
 * Names of the runtime's libraries that it has mapped, such as `libcoreclr.so`.
 */
libraries?: Array<string>,
/**
 * Whether its program was built by Go, by the note that the linker leaves in it.
 */
isGo?: boolean, };

/**
 * Arguments of `selectSpace`.
 */
export type SelectSpaceArguments = {
/**
 * Folder of the service.
 */
folder: string,
/**
 * Name of the space, or `PARENT/NAME`.
 */
space: string | null,
/**
 * Make the space if there is none of this name. It needs the right to make namespaces.
 */
create: boolean, };

/**
 * Arguments of `detach`, `down`, `list-up`, `list-uris` and `doctor`.
 */
export type ServiceArguments = {
/**
 * Folder of the service; for the lists any folder of the workspace.
 */
folder: string,
/**
 * Space, instead of the chosen one.
 */
space: string | null,
/**
 * The whole space instead of the folder's service.
 */
all: boolean, };

/**
 * Parameters of the notification `azds/serviceChanged`.
 */
export type ServiceChanged = {
/**
 * Folder of the service, as `azds.server.up` was given it.
 */
folder: string,
/**
 * Name of the service.
 */
service: string,
/**
 * How it is now.
 */
state: ServiceState,
/**
 * What was done to come to that, or what asks for the building.
 */
change?: Change | null,
/**
 * Why a change was not brought there.
 */
failure?: Failure | null, };

/**
 * One row of `services`: a folder with an azds.yaml.
 */
export type ServiceFolder = {
/**
 * Name of the service, which is its chart's; that of the folder where the chart is not to be read.
 */
name: string,
/**
 * The folder.
 */
folder: string,
/**
 * Configurations of its azds.yaml.
 */
configurations: Array<string>, };

/**
 * One row of `list-up`.
 */
export type ServiceRow = {
/**
 * Name of the service.
 */
name: string,
/**
 * Its space.
 */
devSpace: string,
/**
 * `Service`.
 */
type: string,
/**
 * When its release was last changed: RFC 3339, UTC.
 */
updated: string,
/**
 * `Running`, or what it waits for.
 */
status: string,
/**
 * Its Helm release.
 */
release: string, };

/**
 * How a service is that is kept up to date.
 */
export type ServiceState = "current" | "building" | "failed" | "ended" | "detached";

/**
 * How a service is.
 */
export type ServiceStatus = {
/**
 * Name of the service.
 */
name: string,
/**
 * Its folder.
 */
folder: string,
/**
 * Its space, where one is known.
 */
space?: string | null,
/**
 * Whether it is installed in the space.
 */
up: boolean,
/**
 * `Running`, or what it waits for; `Not up`.
 */
status: string,
/**
 * Its pods.
 */
pods: Array<PodRow>,
/**
 * Its addresses.
 */
uris: Array<UriRow>,
/**
 * Why nothing more is known.
 */
failure?: Failure | null, };

/**
 * Result of `spaces`.
 */
export type SpacesResult = {
/**
 * The space that commands work in now.
 */
chosen: string,
/**
 * Spaces that are known, the chosen one among them. Others may exist: not everybody may list them.
 */
spaces: Array<string>, };

/**
 * Result of `status`.
 */
export type StatusResult = {
/**
 * Name of the kubeconfig's context, where there is one.
 */
target?: string | null,
/**
 * The services, by their folders.
 */
services: Array<ServiceStatus>, };

/**
 * What is done about a change; a greater one does what a smaller one would.
 */
export type Tier = "sync" | "restart" | "rebuild";

/**
 * Arguments of `up`.
 */
export type UpArguments = {
/**
 * Folder of the service, where its azds.yaml is.
 */
folder: string,
/**
 * Space, instead of the chosen one.
 */
space: string | null,
/**
 * Configuration of azds.yaml: `develop` where there is one if nothing is said, `none` for none.
 */
configuration: string | null,
/**
 * Local ports of tunnels.
 */
ports: Array<PortMapping>,
/**
 * Program and arguments to start instead of what azds.yaml, chart and image say; empty for theirs.
 */
command: Array<string>,
/**
 * Leave the tunnels to a background process, and do not keep the service up to date.
 */
detach: boolean, };

/**
 * Result of `up`.
 */
export type UpResult = {
/**
 * Name of the service.
 */
service: string,
/**
 * Its space.
 */
space: string,
/**
 * Its Helm release.
 */
release: string,
/**
 * Image with its tag.
 */
image: string,
/**
 * The pod that answers.
 */
pod: string,
/**
 * What was in the build context and what of it was sent.
 */
context: ContextCount,
/**
 * Addresses.
 */
uris: Array<UriRow>,
/**
 * What a person should know.
 */
warnings?: Array<string>, };

/**
 * One row of `list-uris`.
 */
export type UriRow = {
/**
 * The address.
 */
uri: string,
/**
 * Whether it can be used.
 */
status: UriStatus,
/**
 * Name of the service that it leads to.
 */
service: string, };

/**
 * Whether an address can be used.
 */
export type UriStatus = "Available" | "Pending" | "Tunneled";

/**
 * Arguments of `use-dev-spaces`.
 */
export type UseDevSpacesArguments = {
/**
 * Namespace that becomes a space, instead of the kubeconfig's.
 */
space: string | null,
/**
 * What `$(hostSuffix)` stands for, with its leading dot.
 */
hostSuffix: string | null,
/**
 * Class of the Ingresses that azds writes.
 */
ingressClass: string | null,
/**
 * Registry that the images of azds are pulled from, instead of being on the nodes already.
 */
registry: string | null,
/**
 * Where built images are pushed, `HOST[:PORT]/FOLDER`; `nodes` for the stores of the nodes.
 */
buildsTo: string | null,
/**
 * Whether this machine's Docker login for that registry is kept in the cluster, to push with.
 */
buildsLogin: boolean,
/**
 * Users and groups (`group:NAME`) who may work in the space.
 */
grant: Array<string>,
/**
 * Values files for the chart of azds, later ones winning.
 */
values: Array<string>, };

/**
 * Arguments of `services` and `status`.
 */
export type WorkspaceArguments = {
/**
 * Folders that are open; services are in them and below them.
 */
folders: Array<string>, };

/** The commands of the language server. */
export interface Commands {
  'azds.server.prep': { arguments: PrepArguments; result: PrepResult };
  'azds.server.up': { arguments: UpArguments; result: UpResult };
  'azds.server.detach': { arguments: ServiceArguments; result: DetachResult };
  'azds.server.down': { arguments: ServiceArguments; result: DownResult };
  'azds.server.listUp': { arguments: ServiceArguments; result: Array<ServiceRow> };
  'azds.server.listUris': { arguments: ServiceArguments; result: Array<UriRow> };
  'azds.server.useDevSpaces': { arguments: UseDevSpacesArguments; result: DevSpacesResult };
  'azds.server.selectSpace': { arguments: SelectSpaceArguments; result: null };
  'azds.server.doctor': { arguments: ServiceArguments; result: DoctorResult };
  'azds.server.debugTarget': { arguments: AttachArguments; result: DebugTargetResult };
  'azds.server.services': { arguments: WorkspaceArguments; result: Array<ServiceFolder> };
  'azds.server.status': { arguments: WorkspaceArguments; result: StatusResult };
  'azds.server.spaces': { arguments: ServiceArguments; result: SpacesResult };
}
