import CIntrinsics

/// A weight type as panels of 8 interleaved rows: how a block of columns becomes unsigned bytes, scales and offsets.
///
/// The product itself is written once, in `multiplyPanels`, and specialised for each format and token group.
protocol PanelFormat {
  /// Columns of one block: 32, or 256 for the K types.
  static var blockColumns: Int { get }
  /// Bytes of one block of a panel (8 rows).
  static var blockByteCount: Int { get }
  /// Adds the product of one block with the records at `records` to the tokens' sums.
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group)
}

/// Bytes of a record of `width` tokens (32 columns).
@inline(__always) func recordByteCount(_ width: Int) -> Int { width &* 64 }

/// `panelCount` panels times one tile of tokens: `out[t * stride + 8 p + r]`.
@inline(__always)
func multiplyPanels<Format: PanelFormat, Group: TokenGroup>(
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
      Format.addBlock(block, records, &group)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    group.store(out + panel &* 8, stride: stride)
    panel &+= 1
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

/// Four words as they lie in the panel: sixteen columns of bytes.
@inline(__always)
func bytes(_ words: UnsafeRawPointer) -> Weights16 {
  Weights16(w0: loadInt8s(words, 0), w1: loadInt8s(words, 32), w2: loadInt8s(words, 64), w3: loadInt8s(words, 96))
}

/// The low nibbles of four words: sixteen columns.
@inline(__always)
func lowNibbles(_ words: UnsafeRawPointer) -> Weights16 {
  let w = bytes(words)
  return Weights16(w0: lowNibble(w.w0), w1: lowNibble(w.w1), w2: lowNibble(w.w2), w3: lowNibble(w.w3))
}

/// The high nibbles of four words: sixteen columns.
@inline(__always)
func highNibbles(_ words: UnsafeRawPointer) -> Weights16 {
  let w = bytes(words)
  return Weights16(w0: highNibble(w.w0), w1: highNibble(w.w1), w2: highNibble(w.w2), w3: highNibble(w.w3))
}

@inline(__always)
private func lowNibble(_ bytes: Integers) -> Integers { _mm256_and_si256(bytes, _mm256_set1_epi8(0x0F)) }

@inline(__always)
private func highNibble(_ bytes: Integers) -> Integers {
  _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F))
}

/// The bits of every byte from `bit` on moved to `place`, and cut out by the mask. All are constants after inlining: a
/// shift by a variable is two instructions.
@inline(__always)
func isolated(_ bytes: Integers, mask: CChar, from bit: Int, to place: Int) -> Integers {
  let shift = Int32(truncatingIfNeeded: place &- bit)
  let moved =
    shift > 0 ? _mm256_slli_epi16(bytes, shift) : shift < 0 ? _mm256_srli_epi16(bytes, 0 &- shift) : bytes
  return _mm256_and_si256(moved, _mm256_set1_epi8(mask))
}

/// The factor of both 16-bit pair sums.
@inline(__always)
func pairConstant(_ value: Int16) -> Integers { _mm256_set1_epi16(value) }
