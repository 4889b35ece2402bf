//! The detectors, one file per family. Each looks at the scene and reports suspects with their features, and suspects it
//! examined and cleared. A family looks only at facts, never at another family's verdict; what explains what is settled
//! afterwards, in `ranking`.

mod admission;
mod application;
mod cluster;
mod containers;
mod crowd;
mod database;
mod database_load;
mod database_storage;
mod edge;
mod logs;
mod network;
mod pod_events;
mod pods;
mod regression;
mod replication;
mod scheduling;
mod services;
mod work;

use crate::scene::Scene;
use crate::suspect::Report;

pub(crate) use regression::behind;

/// Every family, in the order a reader expects the losers.
const FAMILIES: &[fn(&Scene<'_>, &mut Report)] = &[
    database::detect,
    database_load::detect,
    database_storage::detect,
    replication::detect,
    pods::detect,
    admission::detect,
    pod_events::detect,
    services::detect,
    cluster::detect,
    network::detect,
    work::detect,
    edge::detect,
    application::detect,
    logs::detect,
];

/// Runs every detector; changes are judged last, against the symptoms found.
pub(crate) fn detect(scene: &Scene<'_>) -> Report {
    let mut report = Report::default();
    for family in FAMILIES {
        family(scene, &mut report);
    }
    regression::detect(scene, &mut report);
    report
}
