//! Counts requests. This middleware is the outermost one, so that no response is missed.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use pin_project_lite::pin_project;

use rekindle_telemetry::metrics::{Metrics, RequestInFlight};

/// The middleware that counts responses.
#[derive(Clone)]
pub struct Counting(pub Metrics);

impl<S, B> Transform<S, ServiceRequest> for Counting
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = CountingService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CountingService { service, metrics: self.0.clone() }))
    }
}

/// The service that [`Counting`] makes.
pub struct CountingService<S> {
    service: S,
    metrics: Metrics,
}

impl<S, B> Service<ServiceRequest> for CountingService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Counted<S::Future>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let under_way = self.metrics.request(req.method().as_str(), req.path());
        Counted { under_way: Some(under_way), answer: self.service.call(req) }
    }
}

pin_project! {
    /// A future that counts its response when it is ready.
    pub struct Counted<F> {
        under_way: Option<RequestInFlight>,
        #[pin]
        answer: F,
    }
}

impl<F, B> Future for Counted<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(cx));
        if let Some(under_way) = this.under_way.take() {
            let status = match &answer {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            under_way.ended(status.as_u16());
        }
        Poll::Ready(answer)
    }
}
