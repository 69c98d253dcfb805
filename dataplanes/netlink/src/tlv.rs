//! Attributes: length, type, value, padded to four bytes; a value may be a list of attributes.

/// Every attribute starts at a multiple of this (`NLA_ALIGNTO`).
const ALIGN: usize = 4;
/// Length and type.
const HEADER: usize = 4;
/// Flags within the type: nested (0x8000), network byte order (0x4000).
const TYPE_MASK: u16 = 0x3fff;

/// Appends attributes to a buffer.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    pub(crate) bytes: Vec<u8>,
}

/// Where an open list began.
#[derive(Debug)]
#[must_use = "a list has to be closed"]
pub struct Open(usize);

impl Writer {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One attribute of at most 65,531 bytes.
    pub fn put(&mut self, kind: u16, value: &[u8]) {
        let open = self.open(kind);
        self.bytes.extend_from_slice(value);
        self.close(open);
    }

    /// A number in network byte order, as netfilter has them.
    pub fn put_u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_be_bytes());
    }

    /// A number in host order, as generic netlink has them.
    pub fn put_host_u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }

    /// Adds a number of two bytes in host order.
    pub fn put_host_u16(&mut self, kind: u16, value: u16) {
        self.put(kind, &value.to_ne_bytes());
    }

    /// A name, ended by a zero byte.
    pub fn put_str(&mut self, kind: u16, value: &str) {
        let open = self.open(kind);
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
        self.close(open);
    }

    /// Starts a list: what is written until [`Self::close`] belongs to it.
    pub fn open(&mut self, kind: u16) -> Open {
        let open = Open(self.bytes.len());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        open
    }

    /// Ends a list.
    pub fn close(&mut self, Open(start): Open) {
        let length = u16::try_from(self.bytes.len() - start)
            .expect("callers keep attributes below 64 KiB, the format's limit");
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.pad();
    }

    /// A list in one go.
    pub fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        let open = self.open(kind);
        inside(self);
        self.close(open);
    }

    /// Bytes in a list that is still open.
    pub fn size_of(&self, Open(start): &Open) -> usize {
        self.bytes.len() - start
    }

    pub(crate) fn pad(&mut self) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }
}

/// An attribute as it was read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type without flags.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The value as a list.
    pub fn nested(&self) -> Reader<'a> {
        Reader::new(self.value)
    }

    /// The value as a number in network byte order.
    pub fn u32(&self) -> Option<u32> {
        self.value.try_into().ok().map(u32::from_be_bytes)
    }

    /// The value as a number in host order.
    pub fn host_u32(&self) -> Option<u32> {
        self.value.try_into().ok().map(u32::from_ne_bytes)
    }

    /// A number of two bytes in host order.
    pub fn host_u16(&self) -> Option<u16> {
        self.value.try_into().ok().map(u16::from_ne_bytes)
    }

    /// The value as a name.
    pub fn str(&self) -> Option<&'a str> {
        let text = self.value.strip_suffix(&[0]).unwrap_or(self.value);
        std::str::from_utf8(text).ok()
    }
}

/// Reads attributes; ends at the first that is cut off.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over a list of attributes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of a type.
    pub fn get(&self, kind: u16) -> Option<Attribute<'a>> {
        self.clone().find(|attribute| attribute.kind == kind)
    }

    /// What was not read, for example since it is cut off.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (length, rest) = self.rest.split_first_chunk::<2>()?;
        let (kind, _) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = self.rest.get(HEADER..length)?;
        let attribute = Attribute {
            kind: u16::from_ne_bytes(*kind) & TYPE_MASK,
            value,
        };
        self.rest = self
            .rest
            .get(length.next_multiple_of(ALIGN)..)
            .unwrap_or_default();
        Some(attribute)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Tree {
        Value(u16, Vec<u8>),
        List(u16, Vec<Self>),
    }

    fn any_tree() -> impl Strategy<Value = Tree> {
        let kind = 0..=TYPE_MASK;
        let leaf = (kind.clone(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, value)| Tree::Value(kind, value));
        leaf.prop_recursive(3, 30, 5, move |inner| {
            (kind.clone(), prop::collection::vec(inner, 0..5))
                .prop_map(|(kind, trees)| Tree::List(kind, trees))
        })
    }

    fn write(tree: &Tree, into: &mut Writer) {
        match tree {
            Tree::Value(kind, value) => into.put(*kind, value),
            Tree::List(kind, trees) => {
                into.nest(*kind, |w| trees.iter().for_each(|t| write(t, w)));
            }
        }
    }

    fn read(reader: Reader<'_>, like: &[Tree]) -> Vec<Tree> {
        let read = |(attribute, like): (Attribute<'_>, &Tree)| match like {
            Tree::Value(..) => Tree::Value(attribute.kind, attribute.value.to_vec()),
            Tree::List(_, trees) => Tree::List(attribute.kind, read(attribute.nested(), trees)),
        };
        reader.zip(like).map(read).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trees in prop::collection::vec(any_tree(), 0..6)) {
            let mut writer = Writer::new();
            for tree in &trees {
                write(tree, &mut writer);
            }
            let reader = Reader::new(writer.as_bytes());
            prop_assert_eq!(reader.clone().count(), trees.len());
            prop_assert_eq!(read(reader, &trees), trees);
        }

        #[test]
        fn arbitrary_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let reader = Reader::new(&bytes);
            for attribute in reader.clone() {
                prop_assert!(attribute.value.len() + HEADER <= bytes.len());
                let _ = (attribute.u32(), attribute.str(), attribute.nested().count());
            }
            prop_assert!(reader.count() <= bytes.len() / HEADER);
        }
    }

    #[test]
    fn an_attribute_that_is_cut_off_ends_the_list() {
        let mut writer = Writer::new();
        writer.put_str(1, "abc");
        writer.put_u32(2, 7);
        let whole = writer.as_bytes();
        let cut = Reader::new(&whole[..whole.len() - 1]);
        assert_eq!(cut.clone().count(), 1);
        assert_eq!(cut.get(1).and_then(|a| a.str()), Some("abc"));
        assert_eq!(Reader::new(whole).get(2).and_then(|a| a.u32()), Some(7));
    }
}
