//! Times between the SDK's type and ours.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The SDK's time as ours; `None` outside the years that a timestamp can hold.
pub fn from_aws(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// Our time as the SDK's, to the second.
pub fn to_aws(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}

/// `02:19Z`, as a summary states a moment.
pub fn clock(time: Timestamp) -> impl std::fmt::Display {
    time.strftime("%H:%MZ")
}

/// The beginning of the minute `time` lies in.
pub fn minute(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    // A whole minute below a valid time is valid but for the first minute of the type's range.
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}
