//! Which call of which API serves a kind.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use portolan_proto::v1;
use tonic::Status;

use super::{Client, MAX_MESSAGE, PAGE, Reached, WatchMessage, client};
use crate::kind::Kind;
use crate::kinds::kinds;
use crate::object::Object;

/// A page of resources, and the token of the next.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: String,
}

/// What a watch brings until its connection ends.
type WatchMessages = BoxStream<'static, Result<WatchMessage, Status>>;

/// What a delete may say besides the name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeleteOptions {
    /// Of a namespace or a cluster: delete what is in it, too.
    pub(crate) force: bool,
    /// Of a `ServiceCIDR`: allocate nothing more from it, and remove it once it is not in use.
    pub(crate) drain: bool,
    /// Check everything, change nothing.
    pub(crate) validate_only: bool,
}

macro_rules! calls {
    ($($kind:ident {
        called $called:tt
        message $message:tt
        calls($module:ident::$api:ident:
            $get:ident($get_request:ident),
            $list:ident($list_request:ident $($parent:ident)?).$items:ident,
            $delete:ident($delete_request:ident $($option:ident)*)
            $(, $watch:ident($watch_request:ident).$object:ident)?)
        applied $applied:tt
    })*) => {
        impl Client {
            /// The page of a list that a token names.
            pub(super) async fn page(&self, kind: Kind, in_parent: String, page_token: String) -> Result<Page<Object>, Status> {
                match kind {$(
                    Kind::$kind => {
                        let request = v1::$list_request {
                            $($parent: in_parent,)?
                            page_size: PAGE,
                            page_token,
                            ..v1::$list_request::default()
                        };
                        let page = client!(v1::$module::$api, self).$list(request).await?.into_inner();
                        let items = page.$items.into_iter().map(Object::from).collect();
                        Ok(Page { items, next: page.next_page_token })
                    }
                )*}
            }

            pub(super) async fn fetch(&self, kind: Kind, name: String) -> Result<Object, Status> {
                match kind {$(
                    Kind::$kind => {
                        let request = v1::$get_request { name, ..v1::$get_request::default() };
                        Ok(client!(v1::$module::$api, self).$get(request).await?.into_inner().into())
                    }
                )*}
            }

            /// Deletes one resource.
            pub(crate) async fn delete(&self, kind: Kind, name: String, options: DeleteOptions) -> Result<(), Status> {
                match kind {$(
                    Kind::$kind => {
                        let request = v1::$delete_request {
                            name,
                            validate_only: options.validate_only,
                            $($option: options.$option,)*
                            ..v1::$delete_request::default()
                        };
                        client!(v1::$module::$api, self).$delete(request).await.map(|_| ())
                    }
                )*}
            }

            /// Follows a kind from where a watch was before, or from what is there now.
            pub(crate) async fn watch(&self, kind: Kind, parent: String, from: &Reached) -> Result<WatchMessages, Status> {
                match kind {
                    $($(Kind::$kind => {
                        let request = v1::$watch_request {
                            parent,
                            from_revision: from.revision,
                            store_id: from.store_id.clone(),
                            ..v1::$watch_request::default()
                        };
                        let stream = client!(v1::$module::$api, self).$watch(request).await?.into_inner();
                        Ok(stream.map(|message| message.map(|message| WatchMessage {
                            event: message.r#type(),
                            object: message.$object.map(Object::from),
                            reached: Reached { revision: message.revision, store_id: message.store_id },
                        })).boxed())
                    })?)*
                    kind => Err(Status::unimplemented(format!("a {} can't be watched", kind.noun()))),
                }
            }
        }
    };
}

kinds!(calls);
