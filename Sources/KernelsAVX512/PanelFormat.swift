import CIntrinsics

/// A weight type as panels of 16 interleaved rows: how a block of columns becomes unsigned bytes, scales and offsets.
///
/// The product itself is written once, in `multiplyPanels`, and specialised for each format and token group.
protocol PanelFormat: SendableMetatype {
  /// Columns of one block: 32, or 256 for the K types.
  static var blockColumns: Int { get }
  /// Bytes of one block of a panel (16 rows).
  static var blockByteCount: Int { get }
  /// What its unpacked weights are multiplied as.
  associatedtype Part: PartKind
  /// Adds the product of one block with the records at `records` to the tokens' sums.
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group)
}

/// Bytes of a record of `width` tokens (32 columns).
@inline(__always) func recordByteCount(_ width: Int) -> Int { width &* 52 }

/// `panelCount` panels times one tile of tokens: `out[t * stride + 16 p + r]`.
@inline(__always)
func multiplyPanels<Format: PanelFormat, Group: TokenSums>(
  _: Format.Type, _: Group.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int,
  _ tile: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let blockCount = columns / Format.blockColumns
  let recordStep = Format.blockColumns / 32 &* recordByteCount(Group.width)
  var block = panels
  var panel = 0
  while panel < panelCount {
    var group = Group()
    var records = tile
    var remaining = blockCount
    while remaining > 0 {
      if Group.width == 1 { prefetch(block + prefetchDistance, Format.blockByteCount) }
      Format.addBlock(block, records, &group)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    group.store(out + panel &* 16, stride: stride)
    panel &+= 1
  }
}

/// How far ahead weights are asked for when a single token reads them. The processor's own prefetcher stops at the end
/// of each page; a page ahead, two cores read 18.3 GB/s where they read 16.1 without (medians, SmolLM2 Q4_1).
let prefetchDistance = 4096

@inline(__always)
func prefetch(_ address: UnsafeRawPointer, _ byteCount: Int) {
  var offset = 0
  while offset < byteCount {
    kinglet512_prefetch(address + offset)
    offset &+= 64
  }
}

/// The same for a tile whose width (1, 2, 4 or 8) is known at run time only.
@inline(__always)
func multiplyPanels<Format: PanelFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer,
  _ width: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  switch width {
  case 8: multiplyPanels(format, EightTokens.self, panels, panelCount, columns, tile, out, stride)
  case 4: multiplyPanels(format, FourTokens.self, panels, panelCount, columns, tile, out, stride)
  case 2: multiplyPanels(format, TwoTokens.self, panels, panelCount, columns, tile, out, stride)
  default: multiplyPanels(format, OneToken.self, panels, panelCount, columns, tile, out, stride)
  }
}

@inline(__always)
func lowNibble(_ bytes: Integers) -> Integers { _mm512_and_si512(bytes, _mm512_set1_epi8(0x0F)) }

@inline(__always)
func highNibble(_ bytes: Integers) -> Integers {
  _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0F))
}
