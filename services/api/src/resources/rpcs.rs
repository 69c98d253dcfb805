//! The RPCs that every noun has, as a table: a line each, with the names that the wire gives them.

/// The circumstances of a write, out of its request.
macro_rules! circumstances {
    ($message:ident, $request:ident) => {{
        let (message, m) = (stringify!($message), $request.get_ref());
        let (id, only) = (&m.request_id, m.validate_only);
        crate::resource::write::Circumstances::new(message, &$request, id, only)
    }};
}

/// Implements an API. Where a noun has what all have (`get`, `list`, `create`, `update`, `delete`, `watch`, in this order), a
/// line names the messages; what only it has stands behind `more`. A delete says which action it becomes.
macro_rules! rpcs {
    (
        $api:ident: $noun:ty, $message:ident, $items:ident;
        get $get:ident($get_request:ident) -> $get_response:ident;
        $(list $list:ident($list_request:ident) -> $list_response:ident;)?
        $(create $create:ident($create_request:ident, $id:ident) -> $create_response:ident;)?
        $(update $update:ident($update_request:ident) -> $update_response:ident;)?
        $(delete $delete:ident($delete_request:ident $(, $option:ident)*) -> $delete_response:ident
            by |$key:ident, $conditions:ident| $action:expr;)?
        $(watch $watch:ident($watch_request:ident) -> $watch_response:ident;)?
        stream $stream:ident of $stream_response:ident;
        more { $($more:item)* }
    ) => {
        #[tonic::async_trait]
        impl $api for crate::api::Api {
            type $stream = crate::watch::WatchStream<portolan_proto::v1::$stream_response>;

            async fn $get(
                &self,
                request: tonic::Request<portolan_proto::v1::$get_request>,
            ) -> Result<tonic::Response<portolan_proto::v1::$get_response>, tonic::Status> {
                let m = request.get_ref();
                crate::resource::read::get::<$noun>(self, &m.name, m.min_revision).await
            }

            $(async fn $list(
                &self,
                request: tonic::Request<portolan_proto::v1::$list_request>,
            ) -> Result<tonic::Response<portolan_proto::v1::$list_response>, tonic::Status> {
                let m = request.get_ref();
                let asked = crate::listing::Arguments {
                    page_size: m.page_size,
                    page_token: &m.page_token,
                    filter: &m.filter,
                    order_by: &m.order_by,
                    others: &[&m.parent],
                };
                let page = crate::resource::read::list::<$noun>(self, &m.parent, &asked, m.min_revision).await?;
                Ok(tonic::Response::new(portolan_proto::v1::$list_response {
                    $items: page.items,
                    next_page_token: page.next_page_token,
                    revision: page.revision,
                    store_id: page.store_id,
                }))
            })?

            $(async fn $create(
                &self,
                request: tonic::Request<portolan_proto::v1::$create_request>,
            ) -> Result<tonic::Response<portolan_proto::v1::$create_response>, tonic::Status> {
                let m = request.get_ref();
                let asked = crate::resource::write::Create {
                    parent: &m.parent,
                    id: &m.$id,
                    sent: m.$message.as_ref(),
                };
                let circumstances = crate::resources::rpcs::circumstances!($create_request, request);
                crate::resource::write::create::<$noun, _>(self, &asked, &circumstances).await
            })?

            $(async fn $update(
                &self,
                request: tonic::Request<portolan_proto::v1::$update_request>,
            ) -> Result<tonic::Response<portolan_proto::v1::$update_response>, tonic::Status> {
                let m = request.get_ref();
                let asked = crate::resource::write::Update {
                    sent: m.$message.as_ref(),
                    mask: m.update_mask.as_ref(),
                    allow_missing: m.allow_missing,
                    expected_uid: &m.expected_uid,
                };
                let circumstances = crate::resources::rpcs::circumstances!($update_request, request);
                crate::resource::write::update::<$noun, _>(self, &asked, &circumstances).await
            })?

            $(async fn $delete(
                &self,
                request: tonic::Request<portolan_proto::v1::$delete_request>,
            ) -> Result<tonic::Response<portolan_proto::v1::$delete_response>, tonic::Status> {
                let m = request.get_ref();
                let asked = crate::resource::write::Delete {
                    name: &m.name,
                    allow_missing: m.allow_missing,
                    etag: &m.etag,
                    expected_uid: &m.expected_uid,
                };
                let circumstances = crate::resources::rpcs::circumstances!($delete_request, request);
                $(let $option = m.$option;)*
                let action = |$key, $conditions| $action;
                crate::resource::write::delete::<$noun, _>(self, &asked, action, &circumstances).await
            })?

            $(async fn $watch(
                &self,
                request: tonic::Request<portolan_proto::v1::$watch_request>,
            ) -> Result<tonic::Response<Self::$stream>, tonic::Status> {
                let m = request.get_ref();
                let asked = crate::resource::read::Watched {
                    parent: &m.parent,
                    filter: &m.filter,
                    from_revision: m.from_revision,
                    store_id: &m.store_id,
                };
                let answer = |event: crate::resource::read::Event<_>| portolan_proto::v1::$watch_response {
                    r#type: event.r#type,
                    $message: event.message,
                    revision: event.revision,
                    store_id: event.store_id,
                };
                crate::resource::read::watch::<$noun, _>(self, &asked, answer).await
            })?

            $($more)*
        }
    };
}

pub(super) use {circumstances, rpcs};
