//! Whole services in one text: `=== PATH` begins a file, labels stand under its lines.

mod features;

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};

use super::Service;
use crate::analysis::fixture::{with_labels, without_indent, without_labels};
use crate::analysis::{Problem, Source, Surroundings};

#[derive(Default)]
struct There(BTreeMap<String, Arc<Source>>);

impl There {
    fn read(fixture: &str) -> There {
        let mut files = There::default();
        for part in without_labels(fixture).split("=== ").skip(1) {
            let (path, text) = part.split_once('\n').expect("a path on its line");
            files.0.insert(path.to_owned(), Arc::new(Source::new(text)));
        }
        files
    }

    fn service(&self) -> Service {
        Service::read(self).expect("it has an azds.yaml")
    }
}

impl Surroundings for There {
    fn is_file(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn is_folder(&self, _: &str) -> bool {
        false
    }

    fn source(&self, path: &str) -> Option<Arc<Source>> {
        self.0.get(path).cloned()
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let below = match folder {
            "." => String::new(),
            folder => format!("{folder}/"),
        };
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(&below));
        let mut names: Vec<String> = inside
            .map(|rest| match rest.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => rest.to_owned(),
            })
            .collect();
        names.dedup();
        names
    }
}

fn check(fixture: Expect) {
    let text = without_indent(fixture.data());
    let there = There::read(&text);
    let found = there.service().problems();
    let mut labelled = String::new();
    for (path, source) in &there.0 {
        let here = found.iter().filter(|found| found.path == *path);
        let mut problems: Vec<Problem> = here.map(|found| found.problem.clone()).collect();
        problems.sort_by_key(|problem| problem.range.start);
        labelled.push_str(&format!("=== {path}\n"));
        labelled.push_str(&with_labels(source.text(), &problems));
    }
    fixture.assert_eq(&labelled);
}

/// A chart as small as it can be, for fixtures about something else.
const AZDS: &str = "=== azds.yaml\nkind: helm-release\ninstall:\n  chart: chart\n";

/// What stands at `$0`, which marks the cursor in one of the files.
fn at_cursor(marked: &str) -> (There, String, usize) {
    let text = without_indent(marked);
    let mut there = There::read(&text);
    let (path, source) = there
        .0
        .iter()
        .find(|(_, it)| it.text().contains("$0"))
        .expect("a cursor");
    let (path, at) = (path.clone(), source.text().find("$0").expect("a cursor"));
    let unmarked = Source::new(source.text().replace("$0", ""));
    there.0.insert(path.clone(), Arc::new(unmarked));
    (there, path, at)
}

#[test]
fn a_key_that_no_template_reads_and_one_that_nobody_sets() {
    check(expect![[r#"
        === azds.yaml
        kind: helm-release
        install:
          chart: chart
          set:
            replicaCount: 1
            imag: {tag: x}
        #   ^^^^ unread-value (warning): No template of the chart reads `imag`. Did you mean `image`? [Change to `image`]
            nameOverride: shop
        #   ^^^^^^^^^^^^ unread-value (warning): No template of the chart reads `nameOverride`.
        === chart/templates/deployment.yaml
        replicas: {{ .Values.replicaCount }}
        image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
        port: {{ .Values.port }}
        #                ^^^^ unset-value (information): The chart reads `port`, and no values file and no `install.set` sets it.
        {{- if .Values.debug }}
        level: {{ .Values.level }}
        {{- end }}
        deep: {{ .Values.a.b }}
        #                  ^ unset-value (warning): Nobody sets `a`, so Helm fails here: it has no `a.b`. Set it in chart/values.yaml.
        {{- with .Values.resources }}
        resources: {{ toYaml . }}
        {{- end }}
        === chart/values.yaml
        replicaCount: 1
        image:
          repository: shop
          pullPolicy: Never
        # ^^^^^^^^^^ unread-value (information): No template of the chart reads `image.pullPolicy`.
        resources: {limits: {cpu: 1}}
        global: {x: 1}
        === values.dev.yaml
        image:
          tag: dev
    "#]]);
}

#[test]
fn nothing_is_said_where_the_chart_passes_values_on() {
    for template in [
        "{{ toYaml .Values }}",
        "{{ include \"library.deployment\" . }}",
        "{{ tpl (.Files.Get \"x\") . }}",
    ] {
        let text = format!("{AZDS}  set: {{odd: 1}}\n=== chart/templates/a.yaml\n{template}\n");
        assert_eq!(There::read(&text).service().problems(), [], "{template}");
    }
    let dependencies = "dependencies:\n- name: redis\n  alias: cache\n";
    let text = format!(
        "{AZDS}  set: {{cache: {{size: 1}}, odd: 1}}\n=== chart/Chart.yaml\n{dependencies}=== chart/templates/a.yaml\n{{{{ .Values.cache.enabled }}}}\n"
    );
    assert_eq!(There::read(&text).service().problems(), []);
    // A values file is missing, which may be what sets the value.
    let text = format!(
        "{AZDS}  values: [app.yaml]\n=== chart/templates/a.yaml\n{{{{ .Values.app.x }}}}\n"
    );
    assert_eq!(There::read(&text).service().problems(), []);
    // The chart is packed, or not there yet.
    let text = format!("{AZDS}  set: {{odd: 1}}\n");
    assert_eq!(There::read(&text).service().problems(), []);
}

/// The trap of the post that azds began with.
#[test]
fn the_story() {
    check(expect![[r#"
        === azds.yaml
        kind: helm-release
        install:
          chart: charts/consumer
        #        ^^^^^^^^^^^^^^^ unused-values-file (warning): Nobody reads `charts/consumer/values.dev.yaml`: values files are looked for beside azds.yaml. Move it there, or list it under `install.values`. [Add `charts/consumer/values.dev.yaml` to `install.values`]
        container:
          values:
            - "charts/consumer/urls.dev.yaml"
        #     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ values-file-elsewhere (warning): There is no file `charts/consumer/urls.dev.yaml`, seen from the folder of azds.yaml; azds takes `urls.dev.yaml`, which lies beside azds.yaml. [Move `urls.dev.yaml` to `install.values`] [Change to `urls.dev.yaml`]
        === charts/consumer/templates/deployment.yaml
        env:
        {{- range $group, $keys := .Values.secrets }}
        {{- range $key, $value := $keys }}
        - name: {{ printf "%s_%s" $group $key | quote }}
        {{- end }}
        {{- end }}
        === charts/consumer/values.dev.yaml
        secrets:
        ^ unused-values-file (warning): Nobody reads `charts/consumer/values.dev.yaml`: values files are looked for beside azds.yaml. Move it there, or list it under `install.values`.
          urls:
            producer: http://producer
        === charts/consumer/values.yaml
        secrets: {}
        === consumer.csproj
        <Project />
        === urls.dev.yaml
        secrets:
          urls:
            producer: http://producer
        #   ^^^^^^^^ secret-variable (information): This becomes the variable `urls_producer`. IConfiguration reads it as `URLS_PRODUCER`, in any case, but not as `urls:producer`: that would need `urls__producer`. [Change to `_producer`, for `urls:producer`]
            _other: http://other
    "#]]);
}

#[test]
fn types_that_are_lost() {
    check(expect![[r#"
        === azds.yaml
        kind: helm-release
        install:
          chart: chart
          set:
            image: {tag: 1.10}
        #                ^^^^ type-lost (warning): To YAML `1.10` is a number, and templates write it as `1.1`. Put it in quotes to keep it. [Put it in quotes]
            ingress: {enabled: "false", hosts: shop}
        #                      ^^^^^^^ type-lost (warning): "false" is a text, and templates take every text for true. The chart has true or false here. [Take the quotes away]
        #                                      ^^^^ type-lost (warning): `hosts` is a single value here and a list in chart/values.yaml, whose templates expect that.
        === chart/templates/a.yaml
        {{ toYaml .Values.image }}{{ toYaml .Values.ingress }}{{ .Values.port }}
        === chart/values.yaml
        image: {tag: stable, version: "1.10"}
        ingress: {enabled: true, hosts: [a]}
        port: 80
        === values.dev.yaml
        image: {tag: 20210401, version: 2}
        #            ^^^^^^^^ type-lost (warning): To YAML `20210401` is a number, and templates write it as `2.0210401e+07`. Put it in quotes to keep it. [Put it in quotes]
        port: "80"
    "#]]);
}

#[test]
fn the_schema() {
    check(expect![[r#"
        === azds.yaml
        kind: helm-release
        install:
          chart: chart
          set:
            mode: slow
        #         ^^^^ schema-violation: By the chart's values.schema.json, `mode` must be one of "fast", "safe".
            odd: 1
        #        ^ schema-violation: By the chart's values.schema.json, `odd` is not known here.
        === chart/templates/a.yaml
        {{ toYaml .Values }}
        === chart/values.schema.json
        {"type": "object", "required": ["name"], "additionalProperties": false,
         "properties": {"mode": {"enum": ["fast", "safe"]}, "port": {"type": "integer", "maximum": 65535}, "hosts": {"items": {"type": "string"}}}}
        === chart/values.yaml
        mode: fast
        ^ schema-violation: By the chart's values.schema.json, the values must have `name`.
        port: "80"
        hosts: [a, 1]
        #          ^ schema-violation: By the chart's values.schema.json, `hosts.*` must be of type string, but is number.
        === values.dev.yaml
        port: 70000
        #     ^^^^^ schema-violation: By the chart's values.schema.json, `port` must be at most 65535.
    "#]]);
}

#[test]
fn references_in_the_schema_are_followed_and_may_go_round() {
    let found = |reference: &str| {
        let schema = format!(
            "{{\"properties\": {{\"port\": {{\"$ref\": \"{reference}\"}}}}, \"$defs\": {{\"port\": {{\"type\": \"integer\"}}, \"round\": {{\"$ref\": \"#/$defs/round\"}}}}}}"
        );
        let text = format!("{AZDS}  set: {{port: x}}\n=== chart/values.schema.json\n{schema}\n");
        There::read(&text).service().problems().len()
    };
    assert_eq!(found("#/$defs/port"), 1);
    assert_eq!(found("#/$defs/round"), 0);
    assert_eq!(found("https://example.com/schema.json"), 0);
}
