//! An external authorizer for Envoy that answers yes to everything, at once: the least that asking one can cost.
//!
//! It prints its port on the first line, and ends when its standard input does.
//!
//! Of Envoy's messages only what it writes is declared (`envoy.service.auth.v3`): what it is asked is read through, as
//! any service must, and nothing is kept of it.

use std::convert::Infallible;
use std::error::Error;

use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic_prost::ProstCodec;

/// What Envoy asks.
#[derive(Clone, PartialEq, Message)]
struct CheckRequest {}

/// What it is answered: `google.rpc.Status` with code 0.
#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// The service.
#[derive(Clone)]
struct Authorization;

struct Check;

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = BoxFuture<tonic::Response<CheckResponse>, tonic::Status>;

    fn call(&mut self, _: tonic::Request<CheckRequest>) -> Self::Future {
        let answer = CheckResponse { status: Some(Status { code: 0 }) };
        Box::pin(std::future::ready(Ok(tonic::Response::new(answer))))
    }
}

impl NamedService for Authorization {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}

impl Service<http::Request<Body>> for Authorization {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// There is one method.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(Check, request).await) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let end = async {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(Authorization)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), end)
        .await?;
    Ok(())
}
