//! `images push`: to a registry of the user's own.

use azds_protocol::commands::{PushImagesArguments, PushImagesResult};

use super::oci::{self, Blob, Image};
use super::{REPOSITORY, agent, image, tag};
use crate::cluster::registry::{INDEX, MANIFEST, Options, Repository};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the images were not pushed";

/// Pushes the agent's image, for the architecture of this azds' own agent and of those that are given.
pub async fn push(
    arguments: &PushImagesArguments,
    progress: &Progress,
) -> Result<PushImagesResult> {
    let name = image(Some(&arguments.registry))?;
    let mut images = vec![Image::new(agent()?)?];
    for path in &arguments.agents {
        let object = path.display().to_string();
        let other = std::fs::read(path).or_fail(WHAT, object.as_str())?;
        let other = Image::new(&other)?;
        if images
            .iter()
            .any(|it| it.architecture == other.architecture)
        {
            let why = format!("there is an agent for {} already", other.architecture);
            return Err(Failure::new(WHAT, object, why)
                .try_to("Give the azds-agent of the same release for another architecture."));
        }
        images.push(other);
    }
    let _step = progress.begin(format!("Pushing {name}"));
    let registry = arguments.registry.clone();
    let options = Options {
        plain_http: arguments.plain_http,
        authority: arguments.registry_ca.clone(),
    };
    // A credential helper may take its time.
    let repository = move || Repository::new(&registry, REPOSITORY, &options);
    let repository = tokio::task::spawn_blocking(repository);
    let work = async {
        let repository = repository.await.or_fail(WHAT, "")??;
        for image in &images {
            for blob in image.layers.iter().chain([&image.config]) {
                let Blob { digest, content } = blob;
                repository.put_blob(digest, content.clone()).await?;
            }
            let Blob { digest, content } = &image.manifest;
            repository
                .put_manifest(digest, MANIFEST, content.clone())
                .await?;
        }
        let index = oci::index(&images);
        repository
            .put_manifest(&tag()?, INDEX, index.content)
            .await?;
        Ok(index.digest)
    };
    let digest = progress.or_cancelled(WHAT, work).await?;
    let architectures = images.iter().map(|it| it.architecture.to_owned());
    Ok(PushImagesResult {
        image: name,
        digest,
        architectures: architectures.collect(),
    })
}

/// For which architectures the agent of this azds is in a registry; nothing if it is not there.
pub async fn architectures_in(registry: &str, options: Options) -> Result<Option<Vec<String>>> {
    let of = registry.to_owned();
    let repository = move || Repository::new(&of, REPOSITORY, &options);
    let repository = tokio::task::spawn_blocking(repository);
    let repository = repository.await.or_fail(WHAT, registry)??;
    let index = repository.index(&tag()?).await?;
    Ok(index.map(|index| {
        let manifests = index["manifests"].as_array().into_iter().flatten();
        let named = manifests.filter_map(|it| it["platform"]["architecture"].as_str());
        named.map(str::to_owned).collect()
    }))
}
