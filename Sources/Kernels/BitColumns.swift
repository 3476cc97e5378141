/// The order of the bits of a 32-bit plane in `PanelLayout.Field.bitColumns`.
enum BitColumns {
  /// Moves bit 4j + c to place 8c + j. The five binary digits of a place turn by two, digit by digit exchanged.
  static func sorted(_ plane: UInt32) -> UInt32 {
    var bits = exchange(plane, 0x0000_CCCC, 14)
    bits = exchange(bits, 0x00AA_00AA, 7)
    bits = exchange(bits, 0x0C0C_0C0C, 2)
    return exchange(bits, 0x2222_2222, 1)
  }

  /// The inverse.
  static func restored(_ columns: UInt32) -> UInt32 {
    var bits = exchange(columns, 0x2222_2222, 1)
    bits = exchange(bits, 0x0C0C_0C0C, 2)
    bits = exchange(bits, 0x00AA_00AA, 7)
    return exchange(bits, 0x0000_CCCC, 14)
  }

  /// Exchanges the bits of `mask` with those `distance` above them.
  private static func exchange(_ bits: UInt32, _ mask: UInt32, _ distance: UInt32) -> UInt32 {
    let difference = (bits &>> distance ^ bits) & mask
    return bits ^ difference ^ difference &<< distance
  }
}
