//! The table of keys.

use super::{Key, Keys, Legacy, PathTo, Type};

/// A key that is in use.
const fn key(name: &'static str, kind: Type, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        doc,
        legacy: None,
    }
}

const fn legacy(
    name: &'static str,
    kind: Type,
    doc: &'static str,
    advice: &'static str,
    renamed: Option<&'static str>,
) -> Key {
    Key {
        name,
        kind,
        default: "",
        doc,
        legacy: Some(Legacy { advice, renamed }),
    }
}

pub const ROOT_KEYS: Keys = Keys(&[
    key(
        "kind",
        Type::Text(&["helm-release"]),
        "",
        "Kind of the deployment. `helm-release` is the only one; a file of another kind is not azds'.",
    ),
    key(
        "apiVersion",
        Type::Text(&["1.1", "1.0"]),
        "`1.1`",
        "Version of the format: `1.1`, or `1.0` in files from before 2019. azds reads both alike.",
    ),
    key("build", Type::Map(BUILD), "", "How the image is built."),
    key(
        "install",
        Type::Map(INSTALL),
        "",
        "How the service is installed: its Helm chart and the values for it.",
    ),
    key(
        "container",
        Type::Map(CONTAINER),
        "",
        "How the running container is kept up to date without building its image again.",
    ),
    key(
        "configurations",
        Type::Named(OVERLAY),
        "",
        "What is laid over `build`, `install` and `container` when a configuration is used: maps are merged, \
         everything else is replaced. `azds up` uses `develop` where there is one; \
         `--configuration NAME` uses another, `--configuration none` uses none.",
    ),
]);

const OVERLAY: Keys = Keys(&[
    key(
        "build",
        Type::Map(BUILD),
        "",
        "Laid over `build` when this configuration is used.",
    ),
    key(
        "install",
        Type::Map(INSTALL),
        "",
        "Laid over `install` when this configuration is used.",
    ),
    key(
        "container",
        Type::Map(CONTAINER),
        "",
        "How the running container is kept up to date without building its image again.",
    ),
]);

const BUILD: Keys = Keys(&[
    key(
        "context",
        Type::Path(PathTo::Folder),
        "`.`",
        "Root of the build context, and of what is synced. Relative to the folder of azds.yaml.",
    ),
    key(
        "dockerfile",
        Type::Path(PathTo::File),
        "`Dockerfile`",
        "The Dockerfile. Relative to the folder of azds.yaml, not to the context.",
    ),
    key(
        "useGitIgnore",
        Type::Bool,
        "`false`",
        "Whether .gitignore keeps files out of the build context, beside .dockerignore.",
    ),
    key(
        "ignore",
        Type::Globs,
        "",
        "Globs in the form of .gitignore that are applied last: what matches stays out of the build \
         context; a glob that begins with `!` brings back what an ignore file hides.",
    ),
    key(
        "args",
        Type::TextMap,
        "",
        "Docker build arguments. Values may have variables: `${BUILD_CONFIGURATION:-Debug}`.",
    ),
    key(
        "secrets",
        Type::TextMap,
        "",
        "Build secrets by their ids, for `RUN --mount=type=secret,id=ID` in the Dockerfile. No layer, cache or \
         log has them. Values come from variables (`${NPM_TOKEN}`, also from `.env`) or from a Secret of the \
         space: `${secret.NAME.KEY}`.",
    ),
]);

const INSTALL: Keys = Keys(&[
    key(
        "chart",
        Type::Path(PathTo::Chart),
        "",
        "Folder of the Helm chart. Relative to the folder of azds.yaml. The chart's name is the \
         service's.",
    ),
    key(
        "values",
        Type::Paths,
        "`values.dev.yaml?`, `secrets.dev.yaml?`",
        "Values files that are laid over the chart's own, later ones winning. Relative to the folder \
         of azds.yaml. A `?` at the end says that the file may be missing.",
    ),
    key(
        "set",
        Type::Open(SET),
        "",
        "Values for the chart that win over all values files. Tokens and variables are replaced; \
         numbers and bools keep their types.",
    ),
]);

const SET: Keys = Keys(&[
    key(
        "replicaCount",
        Type::Any,
        "",
        "Number of pods. One is enough to develop with.",
    ),
    key(
        "image",
        Type::Open(IMAGE),
        "",
        "The image that the chart's pods run.",
    ),
    key(
        "ingress",
        Type::Open(INGRESS),
        "",
        "How the service is reached from outside of the cluster.",
    ),
    key(
        "imagePullSecrets",
        Type::Any,
        "",
        "Secrets for registries, as a list of `{name: NAME}`. They must be in each space.",
    ),
    key(
        "secrets",
        Type::Any,
        "",
        "Groups of secrets. Charts that azds wrote give each as variable `GROUP_KEY` to the container. \
         Values must be texts; keep them out of this file with variables: `$NAME`, set in `.env`.",
    ),
]);

const IMAGE: Keys = Keys(&[
    key(
        "repository",
        Type::Any,
        "the chart's",
        "Name of the image without its tag.",
    ),
    key(
        "tag",
        Type::Text(&["$(tag)"]),
        "the chart's",
        "Tag of the image. It must be `$(tag)`: under another one the pod runs some other image than \
         the one that azds builds.",
    ),
    key(
        "pullPolicy",
        Type::Text(&["Never"]),
        "the chart's",
        "When the image is pulled. It must be `Never`: the image is on the node only, and in no registry.",
    ),
]);

const INGRESS: Keys = Keys(&[
    key(
        "enabled",
        Type::Bool,
        "the chart's",
        "Whether there is an Ingress.",
    ),
    key(
        "annotations",
        Type::Open(ANNOTATIONS),
        "the chart's",
        "Annotations of the Ingress.",
    ),
    key(
        "className",
        Type::Any,
        "the cluster's, as use-dev-spaces set it up",
        "Class of the Ingress.",
    ),
    key("path", Type::Any, "the chart's", "Path under the host."),
    key(
        "hosts",
        Type::Texts(&[]),
        "the chart's",
        "Public host names, such as `$(spacePrefix)$(rootSpacePrefix)shop$(hostSuffix)`.",
    ),
    key(
        "tls",
        Type::Any,
        "the chart's",
        "Hosts and secrets for TLS.",
    ),
]);

const ANNOTATIONS: Keys = Keys(&[key(
    "kubernetes.io/ingress.class",
    Type::Any,
    "",
    "Class of the Ingress, as it was written before Kubernetes 1.18. `traefik-azds` and \
     `addon-http-application-routing` were those of Azure Dev Spaces; nothing serves them any more.",
)]);

const CONTAINER: Keys = Keys(&[
    key(
        "sync",
        Type::Globs,
        "",
        "Globs of the files that are copied into the running container as they are, seen from the \
         build context: `**`, `*` and `{a,b}`; a glob that begins with `!` takes files out again, and \
         a list of nothing but these means all other files. Globs that begin with `*` or `!` must be \
         in quotes.",
    ),
    key(
        "syncTarget",
        Type::Text(&["/src", "/app"]),
        "worked out from the image",
        "Folder in the container that files are synced to.",
    ),
    key(
        "command",
        Type::Texts(&[]),
        "the image's own",
        "What starts the service in this configuration.",
    ),
    key(
        "iterate",
        Type::Map(ITERATE),
        "",
        "What happens after a change of source files.",
    ),
    legacy(
        "refresh",
        Type::Map(ITERATE),
        "What happens after a change of source files.",
        "It is called `iterate` now; both work.",
        Some("iterate"),
    ),
    legacy(
        "imports",
        Type::Any,
        "Folders of other images that are mounted: debuggers.",
        "It has no effect: azds brings debuggers itself.",
        None,
    ),
    legacy(
        "values",
        Type::Paths,
        "Values files that are laid over those of `install.values`.",
        "List the file under `install.values` instead; both work.",
        None,
    ),
    legacy(
        "disableProbes",
        Type::Any,
        "Whether the container is left without probes.",
        "It has no effect: probes wait for a debugger anyway.",
        None,
    ),
]);

const ITERATE: Keys = Keys(&[
    key(
        "processesToKill",
        Type::Texts(&["dotnet", "vsdbg", "node", "java", "python"]),
        "",
        "Names of the processes that are ended after a sync of sources. A .NET service of version 3 \
         or later runs under the name of its assembly.",
    ),
    key(
        "buildCommands",
        Type::Commands,
        "none",
        "What runs in the container before the service starts again: a list of commands, each of them a \
         list of texts: `[[dotnet, build]]`.",
    ),
]);
