import KingletKernels

/// How a product of tokens with a matrix is cut into tasks.
///
/// Many tokens: blocks of tokens that stay in the second-level cache, and within each block runs of panels that take
/// about ten microseconds. Fewer tokens than a tile: reading the weights takes all the time, and tasks are strips of 16
/// rows, of which a thread takes several at once while many are left.
struct Split {
  /// Bytes of weights, counted once for each tile of eight tokens, that a core works off in about ten microseconds.
  private static let taskByteCount = 96 << 10
  /// What a block of activations may take of the second-level cache: of a megabyte, the rest is for weights and sums.
  private static let activationByteCount = 704 << 10

  /// Float weights meet this many tokens in one task: of a run of columns they stay in the second-level cache, and it
  /// pays to widen F16 for them.
  private static let floatTokensPerPart = 256

  let panelsPerPart: Int
  let tokensPerPart: Int
  /// The fewest tasks worth taking at once, and the most that may be.
  let shortestRun: Int
  let longestRun: Int
  private let panelCount: Int
  private let tokenCount: Int
  private let partsPerBlock: Int

  /// One task: some panels times some tokens.
  struct Part {
    let panels: Range<Int>
    let tokens: Range<Int>

    func rows(of matrix: PackedMatrix) -> Range<Int> {
      panels.lowerBound * matrix.panelRows..<min(matrix.rows, panels.upperBound * matrix.panelRows)
    }
  }

  /// - Parameter matrices: how many matrices of this shape a task works on.
  init(_ matrix: PackedMatrix, tokens: Int, threads: Int, matrices: Int = 1) {
    panelCount = matrix.panelCount
    tokenCount = tokens
    tokensPerPart =
      matrix.isQuantized
      ? Self.tokensPerBlock(ActivationLayout.byteCount(columns: matrix.columns), of: tokens, step: 8)
      : max(1, min(tokens, Self.floatTokensPerPart))
    let tiles = (tokensPerPart + 7) / 8
    let taskByteCount = matrix.panelByteCount * tiles * matrices
    if tokens < ActivationLayout.maximumWidth {
      panelsPerPart = min(panelCount, max(1, 16 / matrix.panelRows))
      // Kernels read four strips side by side.
      shortestRun = 4
      longestRun = max(shortestRun, Self.taskByteCount / max(1, taskByteCount * panelsPerPart))
    } else {
      let wanted = max(1, Self.taskByteCount / max(1, taskByteCount))
      let fair = max(1, (panelCount + threads * 4 - 1) / (threads * 4))
      // Whole columns of a record, should the products be rounded.
      let group = max(matrix.panelsAtOnce, ActivationLayout.columns / matrix.panelRows)
      panelsPerPart = min(panelCount, (min(wanted, fair) + group - 1) / group * group)
      shortestRun = 1
      longestRun = 1
    }
    partsPerBlock = (panelCount + panelsPerPart - 1) / panelsPerPart
  }

  /// Tokens of so many bytes that fit the second-level cache: whole tiles of `step`, or all there are.
  static func tokensPerBlock(_ tokenByteCount: Int, of tokens: Int, step: Int) -> Int {
    max(1, min(tokens, max(step, activationByteCount / max(1, tokenByteCount) / step * step)))
  }

  var taskCount: Int { partsPerBlock * ((tokenCount + tokensPerPart - 1) / tokensPerPart) }

  /// What some tasks that follow each other, `longestRun` at most, work on.
  func part(_ tasks: Range<Int>) -> Part {
    let panel = tasks.lowerBound % partsPerBlock * panelsPerPart
    let token = tasks.lowerBound / partsPerBlock * tokensPerPart
    return Part(
      panels: panel..<min(panelCount, panel + panelsPerPart * tasks.count),
      tokens: token..<min(tokenCount, token + tokensPerPart))
  }

  /// Products of what may be taken at once, for one token: whole vectors of them.
  func productCount(_ matrix: PackedMatrix) -> Int { (panelsPerPart * longestRun * matrix.panelRows + 15) / 16 * 16 }

  /// Scratch of what may be taken at once: its products, and what `matrix` takes, which has panels of as many rows as the
  /// one that was split.
  ///
  /// - Parameter dequantizes: Whether rows are made floats first, and panels of them.
  func scratchByteCount(for matrix: PackedMatrix, dequantizes: Bool) -> Int {
    let rows = productCount(matrix)
    var own = matrix.kernelScratchByteCount
    if dequantizes {
      let floats = 2 * rows * matrix.columns * MemoryLayout<Float>.stride
      own = max(own, floats + matrix.panelRows * matrix.rowByteCount)
    }
    return Self.blockByteCount(tokensPerPart, rows) + own + 128
  }

  static func blockByteCount(_ tokens: Int, _ rows: Int) -> Int {
    (tokens * rows * MemoryLayout<Float>.stride + 63) / 64 * 64
  }
}
