//! A request as one of AWS's protocols, and the way back: which service, which operation, signed by whom.

use ciborium::Value as Cbor;
use http::Method;
use serde_json::Value;

use super::page::Parameters;
use super::{cbor, model, xml};
use crate::wire::{Answer, Request};

/// The paths of operations in Smithy RPC v2, and whose they are.
const RPC: [(&str, Service); 2] = [
    ("/service/GraniteServiceVersion20100801/operation/", Service::CloudWatch),
    ("/service/PerformanceInsightsv20180227/operation/", Service::Pi),
];
/// The namespace of STS's answers; its two-field answer is written by hand.
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    CloudWatch,
    Pi,
    Rds,
    Ec2,
    Elbv2,
    Sts,
    SecretsManager,
}

/// How a request is written, and therefore its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Cbor,
    Query,
    Ec2,
    Json,
}

/// A request, understood.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whom it is for.
    pub service: Service,
    /// What it asks, by AWS's name; not necessarily something that is served.
    pub operation: String,
    /// The form of a query request.
    pub parameters: Parameters,
    /// The body of a CBOR or JSON request.
    pub message: Value,
}

/// What an operation gives.
#[derive(Debug)]
pub enum Output {
    /// By the service's model.
    Json(Value),
    /// Already in wire form: metric data, where a time per value would cost too much as text.
    Cbor(Cbor),
}

/// An error of AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// AWS's name for it.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// Who signed a request, and for what: the credential scope of Signature Version 4.
#[derive(Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    pub access_key_id: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

/// The scope of `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
pub fn scope(request: &Request) -> Option<Scope<'_>> {
    let fields = request.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| fields.split(',').find_map(|part| part.trim().strip_prefix(name));
    field("SignedHeaders=")?;
    field("Signature=").filter(|signature| signature.len() == 64)?;
    let mut parts = field("Credential=")?.split('/');
    let (access_key_id, _date) = (parts.next()?, parts.next()?);
    let scope = Scope { access_key_id, region: parts.next()?, service: parts.next()? };
    (parts.next() == Some("aws4_request")).then_some(scope)
}

impl Refusal {
    /// An error.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl Call {
    /// Recognises the protocol and the operation.
    pub fn read(request: &Request) -> Result<Self, Refusal> {
        for (path, service) in RPC {
            if let Some(operation) = request.path.strip_prefix(path) {
                return Self::read_cbor(request, service, operation);
            }
        }
        if let Some(target) = request.header("x-amz-target") {
            let operation = target.strip_prefix("secretsmanager.").ok_or_else(|| {
                Refusal::new(400, "UnknownOperationException", format!("{target} is not served"))
            })?;
            return Ok(Self {
                service: Service::SecretsManager,
                operation: operation.to_owned(),
                parameters: Parameters::default(),
                message: request.json().unwrap_or_default(),
            });
        }
        let form = if request.method == Method::GET { request.query.clone() } else { request.form() };
        let parameters = Parameters::new(form);
        let operation = parameters
            .get("Action")
            .ok_or_else(|| Refusal::new(400, "MissingAction", "Could not find an action in the request"))?;
        let service = Service::of_version(parameters.get("Version").unwrap_or_default())
            .ok_or_else(|| Refusal::new(400, "InvalidAction", "Could not find operation for version"))?;
        Ok(Self { service, operation: operation.to_owned(), parameters, message: Value::Null })
    }

    fn read_cbor(request: &Request, service: Service, operation: &str) -> Result<Self, Refusal> {
        if request.header("smithy-protocol") != Some("rpc-v2-cbor")
            || request.header("content-type").is_some_and(|kind| kind != "application/cbor")
        {
            return Err(Refusal::new(404, "UnknownOperationException", "not a request of rpc-v2-cbor"));
        }
        let message = cbor::decode(&request.body)
            .ok_or_else(|| Refusal::new(400, "SerializationException", "the body is not CBOR"))?;
        Ok(Self { service, operation: operation.to_owned(), parameters: Parameters::default(), message })
    }

    /// Writes a good answer.
    pub fn succeed(&self, output: Output) -> Answer {
        let operation = self.operation.as_str();
        match (self.service, output) {
            (Service::CloudWatch | Service::Pi, Output::Cbor(value)) => answer_cbor(200, cbor::bytes(&value)),
            (Service::CloudWatch, Output::Json(value)) => {
                let model = model::service("cloudwatch");
                let shape = model.operations.get(operation).map_or("", String::as_str);
                answer_cbor(200, cbor::encode(model, shape, &value))
            }
            (Service::Ec2, Output::Json(value)) => {
                answer_xml(200, xml::ec2_answer(model::service("ec2"), operation, &value))
            }
            (Service::Rds, Output::Json(value)) => {
                answer_xml(200, xml::query_answer(model::service("rds"), operation, &value))
            }
            (Service::Elbv2, Output::Json(value)) => {
                answer_xml(200, xml::query_answer(model::service("elbv2"), operation, &value))
            }
            (Service::Sts, Output::Json(value)) => {
                answer_xml(200, xml::caller_identity(STS_NAMESPACE, &value))
            }
            (_, Output::Json(value)) => Answer::text(200, "application/x-amz-json-1.1", value.to_string()),
            (_, Output::Cbor(_)) => self.refuse(&self.unknown_operation()),
        }
    }

    /// Writes an error.
    pub fn refuse(&self, refusal: &Refusal) -> Answer {
        self.service.protocol().refuse(self.service.namespace(), refusal)
    }

    /// No signature that could be read.
    pub fn unsigned(&self) -> Refusal {
        let (status, code) = match self.service.protocol() {
            Protocol::Ec2 => (401, "AuthFailure"),
            Protocol::Json => (400, "MissingAuthenticationTokenException"),
            Protocol::Cbor => (403, "MissingAuthenticationTokenException"),
            Protocol::Query => (403, "MissingAuthenticationToken"),
        };
        Refusal::new(status, code, "Request is missing Authentication Token")
    }

    /// An access key that does not exist.
    pub fn unknown_key(&self) -> Refusal {
        let message = "The security token included in the request is invalid.";
        match self.service.protocol() {
            Protocol::Ec2 => Refusal::new(
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            ),
            Protocol::Json => Refusal::new(400, "UnrecognizedClientException", message),
            Protocol::Cbor => Refusal::new(403, "UnrecognizedClientException", message),
            Protocol::Query => Refusal::new(403, "InvalidClientTokenId", message),
        }
    }

    /// No policy allows it.
    pub fn denied(&self, account: &str) -> Refusal {
        let action = format!("{}:{}", self.service.iam_prefix(), self.operation);
        let message = format!(
            "User: arn:aws:iam::{account}:user/sitrep is not authorized to perform: {action} because no \
             identity-based policy allows the {action} action"
        );
        match self.service.protocol() {
            Protocol::Ec2 => Refusal::new(
                403,
                "UnauthorizedOperation",
                format!("You are not authorized to perform this operation. {message}"),
            ),
            Protocol::Json => Refusal::new(400, "AccessDeniedException", message),
            Protocol::Cbor => Refusal::new(403, "AccessDeniedException", message),
            Protocol::Query => Refusal::new(403, "AccessDenied", message),
        }
    }

    /// An operation that the platform does not serve.
    pub fn unknown_operation(&self) -> Refusal {
        let message = format!("Could not find operation {} for this service", self.operation);
        match self.service.protocol() {
            Protocol::Cbor => Refusal::new(404, "UnknownOperationException", message),
            Protocol::Json => Refusal::new(400, "UnknownOperationException", message),
            Protocol::Query | Protocol::Ec2 => Refusal::new(400, "InvalidAction", message),
        }
    }
}

impl Service {
    fn of_version(version: &str) -> Option<Self> {
        match version {
            "2011-06-15" => Some(Self::Sts),
            version if version == model::service("rds").version => Some(Self::Rds),
            version if version == model::service("ec2").version => Some(Self::Ec2),
            version if version == model::service("elbv2").version => Some(Self::Elbv2),
            _ => None,
        }
    }

    /// The service's name in a credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            Self::Pi => "pi",
            Self::Rds => "rds",
            Self::Ec2 => "ec2",
            Self::Elbv2 => "elasticloadbalancing",
            Self::Sts => "sts",
            Self::SecretsManager => "secretsmanager",
        }
    }

    fn iam_prefix(self) -> &'static str {
        if self == Self::CloudWatch { "cloudwatch" } else { self.signing_name() }
    }

    fn protocol(self) -> Protocol {
        match self {
            Self::CloudWatch | Self::Pi => Protocol::Cbor,
            Self::Ec2 => Protocol::Ec2,
            Self::SecretsManager => Protocol::Json,
            Self::Rds | Self::Elbv2 | Self::Sts => Protocol::Query,
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Rds => &model::service("rds").namespace,
            Self::Elbv2 => &model::service("elbv2").namespace,
            Self::Sts => STS_NAMESPACE,
            Self::CloudWatch | Self::Pi | Self::Ec2 | Self::SecretsManager => "",
        }
    }
}

impl Protocol {
    /// The protocol a request seems to speak, where it could not be understood.
    pub fn of(request: &Request) -> Self {
        match request.header("content-type") {
            Some("application/cbor") => Self::Cbor,
            Some(kind) if kind.starts_with("application/x-amz-json") => Self::Json,
            _ => Self::Query,
        }
    }

    /// Writes an error.
    pub fn refuse(self, namespace: &str, refusal: &Refusal) -> Answer {
        let Refusal { status, code, message } = refusal;
        match self {
            Self::Cbor => answer_cbor(*status, cbor::encode_error(code, message))
                .with_header("x-amzn-query-error", format!("{code};Sender")),
            Self::Query => answer_xml(*status, xml::query_error(namespace, code, message)),
            Self::Ec2 => answer_xml(*status, xml::ec2_error(code, message)),
            Self::Json => {
                let body = serde_json::json!({"__type": code, "message": message});
                Answer::text(*status, "application/x-amz-json-1.1", body.to_string())
            }
        }
    }
}

fn answer_cbor(status: u16, body: Vec<u8>) -> Answer {
    Answer::text(status, "application/cbor", body)
        .with_header("smithy-protocol", "rpc-v2-cbor")
        .with_header("x-amzn-requestid", xml::REQUEST_ID)
}

fn answer_xml(status: u16, body: String) -> Answer {
    Answer::text(status, "text/xml", body).with_header("x-amzn-requestid", xml::REQUEST_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_signature_has_a_scope() {
        let signed = |value: &str| Request::new(Method::POST, "/").with_header("authorization", value);
        let good = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/rds/aws4_request, SignedHeaders=host, Signature={}",
            "0".repeat(64)
        );
        let request = signed(&good);
        assert_eq!(
            scope(&request),
            Some(Scope { access_key_id: "AKIA", region: "eu-west-1", service: "rds" })
        );
        for bad in ["Bearer x", "AWS4-HMAC-SHA256 Credential=AKIA", &good.replace("/aws4_request", "")] {
            assert_eq!(scope(&signed(bad)), None, "{bad}");
        }
    }
}
