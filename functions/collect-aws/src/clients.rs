//! The five SDK clients of one region.

use aws_config::{Region, SdkConfig};
use host::{Settings, aws::endpoint};

/// The clients that one investigation reads through.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Metrics and alarms.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Database instances, their parameters and events.
    pub rds: aws_sdk_rds::Client,
    /// What the databases' sessions do.
    pub insights: aws_sdk_pi::Client,
    /// Instance checks.
    pub ec2: aws_sdk_ec2::Client,
    /// Target groups and their health.
    pub load_balancing: aws_sdk_elasticloadbalancingv2::Client,
}

impl Clients {
    /// Builds the clients, with the endpoints that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let mut cloudwatch = aws_sdk_cloudwatch::config::Builder::from(config);
        cloudwatch.set_endpoint_url(endpoint(settings, "CLOUDWATCH"));
        let mut rds = aws_sdk_rds::config::Builder::from(config);
        rds.set_endpoint_url(endpoint(settings, "RDS"));
        let mut insights = aws_sdk_pi::config::Builder::from(config);
        insights.set_endpoint_url(endpoint(settings, "PI"));
        let mut ec2 = aws_sdk_ec2::config::Builder::from(config);
        ec2.set_endpoint_url(endpoint(settings, "EC2"));
        let mut load_balancing = aws_sdk_elasticloadbalancingv2::config::Builder::from(config);
        load_balancing.set_endpoint_url(endpoint(settings, "ELASTIC_LOAD_BALANCING_V2"));
        Self {
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            rds: aws_sdk_rds::Client::from_conf(rds.build()),
            insights: aws_sdk_pi::Client::from_conf(insights.build()),
            ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::from_conf(load_balancing.build()),
        }
    }
}

/// The configuration for the region an alert names, where that is another one than the function's own.
///
/// The region becomes part of a host name, and the alert's tags are anybody's text: only what is shaped like a region passes.
pub fn elsewhere(config: &SdkConfig, named: Option<&str>) -> Option<SdkConfig> {
    let region = named.filter(|name| is_region(name))?;
    let own = config.region().map(Region::as_ref);
    (own != Some(region))
        .then(|| config.clone().into_builder().region(Region::new(region.to_owned())).build())
}

/// True for what AWS's regions look like: `us-east-1`, `us-gov-west-1`. Other clouds' do not: `europe-west1`, `eastus`.
fn is_region(name: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
    let parts: Vec<&str> = name.split('-').collect();
    let [area, words @ .., number] = parts.as_slice() else { return false };
    name.len() <= 32
        && (area.len() == 2 && word(area))
        && (!words.is_empty() && words.iter().all(|text| word(text)))
        && (number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_region_is_followed_and_text_that_is_no_region_is_not() {
        let config = SdkConfig::builder().region(Region::new("us-east-1")).build();
        let region = |named| elsewhere(&config, named).map(|c| c.region().unwrap().to_string());
        assert_eq!(region(Some("eu-west-1")), Some("eu-west-1".to_owned()));
        assert_eq!(region(Some("us-gov-west-1")), Some("us-gov-west-1".to_owned()));
        assert_eq!(region(Some("us-east-1")), None);
        for other in
            ["evil.example/-", "europe-west1", "eu-1", "eu--1", "a-b", "eu-west-10", "eastus", "-", ""]
        {
            assert_eq!(region(Some(other)), None, "{other}");
        }
        assert_eq!(region(None), None);
    }
}
