import KingletTensors

extension InstructionSet {
  /// The sets whose kernels this process can test: the portable one, and the one that models would run on here.
  public static let tested: [InstructionSet] = {
    let selected = (try? KernelTable.selected().instructionSet) ?? .portable
    return selected == .portable ? [.portable] : [.portable, selected]
  }()

  /// The kernels of this set.
  public func table() throws -> KernelTable { try .table(for: self) }
}
