import KingletTensors

/// What adapters change in one layer for the rows of a pass, by the input that the matrices are multiplied by.
struct LayerUpdates {
  var attention: InputUpdates?
  var output: InputUpdates?
  var feedForward: InputUpdates?
  var down: InputUpdates?

  /// Nothing is changed.
  init() {}

  init(_ adapted: [AdaptedRows], layer: Int) {
    attention = adapted.updates { $0.layers[layer].attention }
    output = adapted.updates { $0.layers[layer].output }
    feedForward = adapted.updates { $0.layers[layer].feedForward }
    down = adapted.updates { $0.layers[layer].down }
  }
}

/// The changes of all layers, kept for the passes that follow: those of sequences that generate have the same rows and
/// adapters.
struct KeptUpdates {
  /// Adapters are known by numbers: what is kept must not keep one loaded.
  private struct Key: Equatable {
    let rows: Range<Int>
    let number: Int
    let strength: Float
  }

  private var keys: [Key] = []
  private var layers: [LayerUpdates] = []

  /// Those of a pass, by layer.
  mutating func updates(of adapted: [AdaptedRows], layerCount: Int) -> [LayerUpdates] {
    let keys = adapted.flatMap { part in
      part.adapters.map { Key(rows: part.rows, number: $0.adapter.number, strength: $0.strength) }
    }
    if self.keys != keys || layers.count != layerCount {
      self.keys = keys
      layers =
        adapted.isEmpty
        ? [LayerUpdates](repeating: LayerUpdates(), count: layerCount)
        : (0..<layerCount).map { LayerUpdates(adapted, layer: $0) }
    }
    return layers
  }
}
