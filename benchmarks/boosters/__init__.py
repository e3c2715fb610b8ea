"""XGBoost, LightGBM and CatBoost on real tables: is every path the library's own, and how fast are the graphs?"""
