#if os(Linux)
  import CIntrinsics

  /// Some processors of the machine, as Linux keeps them for each thread: those it may run on.
  struct ProcessorSet: Equatable {
    private var words: [UInt64]

    /// Those of a thread, by its number in the system; 0 is the thread that asks. Nil if there is no such thread.
    init?(of thread: Int32) {
      words = [UInt64](repeating: 0, count: 128)  // 8,192 processors
      guard kinglet_affinity(thread, &words, UInt(words.count * 8)) > 0 else { return nil }
    }

    /// A single one.
    init(_ processor: Int) {
      words = [UInt64](repeating: 0, count: processor / 64 + 1)
      words[processor / 64] = 1 << UInt64(processor % 64)
    }

    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func contains(_ processor: Int) -> Bool {
      processor >= 0 && processor / 64 < words.count && words[processor / 64] >> UInt64(processor % 64) & 1 == 1
    }

    /// All but one of them; nil where none is left.
    func without(_ processor: Int) -> ProcessorSet? {
      var rest = self
      if contains(processor) { rest.words[processor / 64] &= ~(1 << UInt64(processor % 64)) }
      return rest.count > 0 ? rest : nil
    }

    /// Lets a thread run on these only. The system moves it at once if it is elsewhere; what it does not allow is not done.
    func apply(to thread: Int32) { _ = kinglet_set_affinity(thread, words, UInt(words.count * 8)) }
  }
#endif
