import KingletTensors

extension InstructionSet {
  /// The sets whose kernels this process can test: all from the portable one to the one that models would run on here.
  public static let tested: [InstructionSet] = {
    let selected = (try? KernelTable.selected().instructionSet) ?? .portable
    return allCases.filter { $0 <= selected && (try? $0.table()) != nil }
  }()

  /// The kernels of this set.
  public func table() throws -> KernelTable { try .table(for: self) }
}
